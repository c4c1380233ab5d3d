/** The rules of ARCHITECTURE.md as tests: who may import whom, what is banned where, and tables that match the tree. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Project root, seen from dist/src. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Folder of src/ → folders it may import besides itself. A folder that is missing here may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  gic: ['base'],
  vgic: ['base', 'gic'],
  strategy: ['base', 'gic', 'vgic'],
  trace: ['base', 'gic'],
  stats: ['base'],
  replay: ['base', 'gic', 'vgic', 'strategy', 'trace'],
  import: ['base', 'gic', 'trace'],
  workload: ['base', 'gic', 'trace'],
  conform: ['base', 'gic', 'vgic', 'strategy', 'trace', 'replay'],
  reference: ['base', 'gic', 'trace', 'workload', 'conform'],
  explore: ['base'],
  study: ['base', 'gic', 'vgic', 'strategy', 'trace', 'replay', 'workload', 'explore'],
  cost: ['base', 'gic', 'vgic', 'strategy', 'trace', 'stats', 'replay'],
  hostile: ['base', 'gic', 'trace', 'workload'],
  attack: ['base', 'gic', 'vgic', 'strategy', 'trace', 'stats', 'replay', 'workload', 'hostile'],
  compare: ['base', 'stats', 'replay'],
  run: [
    'base',
    'gic',
    'vgic',
    'strategy',
    'trace',
    'stats',
    'replay',
    'workload',
    'study',
    'attack',
    'compare',
    'report',
  ],
  history: ['base', 'stats', 'replay', 'compare'],
  report: ['base', 'stats', 'replay', 'study', 'cost', 'compare', 'history'],
  findings: [
    'base',
    'gic',
    'vgic',
    'strategy',
    'trace',
    'stats',
    'replay',
    'workload',
    'hostile',
    'attack',
    'cost',
    'study',
    'report',
  ],
  commands: [
    'base',
    'gic',
    'vgic',
    'strategy',
    'trace',
    'stats',
    'replay',
    'import',
    'workload',
    'report',
    'conform',
    'explore',
    'study',
    'cost',
    'hostile',
    'attack',
    'findings',
    'compare',
    'run',
    'history',
  ],
};
/** Files directly in src/ → folders they may import. */
const ROOT_FILES: Readonly<Record<string, readonly string[]>> = {
  'cli.ts': ['base', 'commands'],
  'index.ts': Object.keys(MAY_IMPORT).filter((folder) => folder !== 'commands' && folder !== 'reference'),
};
/** Oracles and generated code: imported by tests and by their own folder only. */
const TESTS_ONLY = /(^|\/)(reference|gen)\//;
/** Runtime dependency → where it may be imported. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  protobufjs: ['trace'],
  echarts: ['report'],
  commander: ['commands', 'cli.ts'],
  'cli-progress': ['commands', 'cli.ts'],
  'cli-table3': ['report', 'commands', 'cli.ts'],
  tinypool: ['commands'],
};
/** Built-in modules without effect on the world; every other one belongs to the edges. */
const PURE_BUILTINS = ['node:buffer', 'node:crypto', 'node:path', 'node:url', 'node:zlib'];
/** "#counting" (package.json "imports") resolves into this folder. */
const SUBPATH_IMPORTS: Readonly<Record<string, string>> = { '#counting': 'vgic' };
const MAX_LINES = 500;

interface SourceFile {
  /** Path from the project root, with slashes: "src/vgic/flush.ts". */
  readonly path: string;
  /** First folder below src/, or the file name of a file directly in src/. */
  readonly unit: string;
  /** A test (x.test.ts), or what serves tests only (test-x.ts, x.test.support.ts). */
  readonly isTest: boolean;
  readonly text: string;
  /** Comments, and the content of strings, replaced by blanks. */
  readonly code: string;
  readonly imports: readonly string[];
}

/** Does a "/" after this code start a regular expression (and not a division)? */
const startsRegExp = (before: string): boolean =>
  /(^|[(,=:[!&|?{};+\-*%<>~^]|\breturn|\btypeof|\bcase)\s*$/.test(before);

/**
 * The text with comments, string contents and regular expressions blanked; lines stay where they are. Code inside
 * `${}` of a template is kept.
 */
function stripText(text: string): string {
  let out = '';
  let at = 0;
  /** Brace depth at which each open template continues. */
  const templates: number[] = [];
  let depth = 0;
  const blankTo = (end: number): void => {
    out += text.slice(at, end).replace(/[^\n]/g, ' ');
    at = end;
  };
  const endOfQuoted = (quote: string): number => {
    let end = at + 1;
    while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
    return Math.min(end + 1, text.length);
  };
  const skipTemplate = (): void => {
    let end = at + 1;
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end)) end += text[end] === '\\' ? 2 : 1;
    if (text.startsWith('${', end)) {
      blankTo(end + 2);
      templates.push(depth);
    } else {
      blankTo(Math.min(end + 1, text.length));
    }
  };
  while (at < text.length) {
    const char = text[at];
    if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at);
      blankTo(end < 0 ? text.length : end);
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2);
      blankTo(end < 0 ? text.length : end + 2);
    } else if (char === "'" || char === '"') {
      blankTo(endOfQuoted(char));
    } else if (char === '`') {
      skipTemplate();
    } else if (char === '}' && templates.at(-1) === depth) {
      templates.pop();
      skipTemplate();
    } else if (char === '/' && startsRegExp(out.slice(-40))) {
      let end = at + 1;
      let inClass = false;
      while (end < text.length && (inClass || text[end] !== '/') && text[end] !== '\n') {
        if (text[end] === '[') inClass = true;
        if (text[end] === ']') inClass = false;
        end += text[end] === '\\' ? 2 : 1;
      }
      blankTo(Math.min(end + 1, text.length));
    } else {
      if (char === '{') depth++;
      if (char === '}') depth--;
      out += char;
      at++;
    }
  }
  return out;
}

/** Module specifiers of static, re-exporting and dynamic imports; places come from `code`, names from `text`. */
function listImports(text: string, code: string): string[] {
  const found: string[] = [];
  for (const match of code.matchAll(/\bimport\s*\(\s*|\bfrom\s+(?=\s)|^\s*import\s+(?=\s)/gm)) {
    const rest = text.slice(match.index + match[0].trimEnd().length);
    const specifier = /^\s*['"`]([^'"`]+)['"`]/.exec(rest);
    if (specifier) found.push(specifier[1]!);
  }
  return found;
}

function listFiles(folder: string, keep: (name: string) => boolean): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && keep(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => !path.includes('node_modules/'))
    .sort();
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const code = stripText(text);
  return {
    path,
    unit: path.split('/')[1]!,
    isTest: TEST_FILE.test(path),
    text,
    code,
    imports: listImports(text, code),
  };
}

const TEST_FILE = /(^|\/)(test-[^/]*|[^/]*\.test(\.support)?)\.[jt]s(\?|$)/;
const isTypeScript = (name: string): boolean => name.endsWith('.ts');
const sources = listFiles('src', isTypeScript).map(readSource);
const benchSources = listFiles('bench', isTypeScript).map(readSource);
const production = sources.filter((file) => !file.isTest);
const isEdge = (file: SourceFile): boolean => file.unit === 'commands' || file.unit === 'cli.ts' || file.isTest;

/** Where a relative import leads, as a path from the project root. */
const resolveImport = (file: SourceFile, specifier: string): string =>
  posix.join(dirname(file.path), specifier.replace(/\?.*$/, '').replace(/\.js$/, '.ts'));

/** The unit of src/ an import leads to, or undefined if it leaves src/ or names a package. */
function importedUnit(file: SourceFile, specifier: string): string | undefined {
  if (specifier in SUBPATH_IMPORTS) return SUBPATH_IMPORTS[specifier];
  if (!specifier.startsWith('.')) return undefined;
  const target = resolveImport(file, specifier);
  return target.startsWith('src/') ? target.split('/')[1] : undefined;
}

/** One line per violation, so that a failure names every one. */
function assertNone(violations: readonly string[]): void {
  assert.equal(violations.length, 0, `\n  ${violations.join('\n  ')}`);
}

const violationsOf = (files: readonly SourceFile[], find: (file: SourceFile) => readonly string[]): string[] =>
  files.flatMap((file) => find(file).map((what) => `${file.path}: ${what}`));

test('the scanner sees imports and code, not comments and strings', () => {
  const sample = [
    "import { a } from './a.js'; // import { b } from './b.js'",
    "export type { C } from './c.js';",
    "import './d.js';",
    "const lazy = await import('./e.js?copy=1');",
    `const text = 'import x from "./f.js"', code = \`\${Date.now()} process.exit\`;`,
    "const pattern = /console.log('/.test(text) ? 1 / 2 : 3; /* Math.random() */ process.exit();",
  ].join('\n');
  const code = stripText(sample);
  assert.deepEqual(listImports(sample, code), ['./a.js', './c.js', './d.js', './e.js?copy=1']);
  assert.match(code, /Date\.now\(\)/);
  assert.match(code, /process\.exit\(\)/);
  assert.equal(code.match(/process/g)!.length, 1);
  assert.doesNotMatch(code, /console|Math/);
  assert.equal(code.split('\n').length, 6);
});

test('every folder and file directly in src/ has an import rule', () => {
  assert.ok(production.length > 10, 'the sources were not found');
  const units = new Set(sources.map((file) => file.unit).filter((unit) => !unit.endsWith('.test.ts')));
  assertNone(
    [...units]
      .filter((unit) => !(unit in MAY_IMPORT) && !(unit in ROOT_FILES))
      .map((unit) => `src/${unit}: no rule names it`),
  );
});

test('imports follow the rules', () => {
  assertNone(
    violationsOf(production, (file) => {
      const allowed = MAY_IMPORT[file.unit] ?? ROOT_FILES[file.unit] ?? [];
      return file.imports
        .map((specifier) => importedUnit(file, specifier))
        .filter((unit) => unit !== undefined && unit !== file.unit && !allowed.includes(unit))
        .map((unit) => `imports ${unit}/; allowed are ${allowed.join(', ') || 'none'}`);
    }),
  );
});

test('the rules and the imports between folders have no cycle', () => {
  const edges = new Map<string, Set<string>>();
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) edges.set(folder, new Set(allowed));
  for (const file of production) {
    const targets = file.imports.map((specifier) => importedUnit(file, specifier));
    for (const unit of targets)
      if (unit !== undefined && unit !== file.unit)
        (edges.get(file.unit) ?? edges.set(file.unit, new Set()).get(file.unit)!).add(unit);
  }
  const done = new Set<string>();
  const visit = (unit: string, path: readonly string[]): void => {
    assert.ok(!path.includes(unit), `cycle: ${[...path, unit].join(' → ')}`);
    if (done.has(unit)) return;
    for (const next of edges.get(unit) ?? []) visit(next, [...path, unit]);
    done.add(unit);
  };
  for (const unit of edges.keys()) visit(unit, []);
});

test('relative imports stay in src/, exist and end in .js', () => {
  assertNone(
    violationsOf(sources, (file) =>
      file.imports
        .filter((specifier) => specifier.startsWith('.'))
        .flatMap((specifier) => {
          const target = resolveImport(file, specifier);
          if (!/\.js(\?|$)/.test(specifier)) return [`${specifier} does not end in .js`];
          if (!target.startsWith('src/')) return [`${specifier} leaves src/`];
          return existsSync(join(ROOT, target)) ? [] : [`${specifier} does not exist`];
        }),
    ),
  );
});

test('nothing imports a test, and oracles and generated code are imported by tests only', () => {
  assertNone([
    ...violationsOf([...sources, ...benchSources], (file) =>
      file.imports
        .filter((specifier) => /\.test\.js(\?|$)/.test(specifier))
        .map((specifier) => `imports the test ${specifier}`),
    ),
    // bench/ is not shipped either: what serves tests may serve it.
    ...violationsOf(production, (file) =>
      file.imports
        .filter((specifier) => TEST_FILE.test(specifier))
        .map((specifier) => `imports ${specifier}, which serves tests`),
    ),
    ...violationsOf(production, (file) =>
      file.imports
        .filter((s) => s.startsWith('.') && TESTS_ONLY.test(resolveImport(file, s)) && !TESTS_ONLY.test(file.path))
        .map((s) => `imports ${s}, which is for tests`),
    ),
  ]);
});

test('packages are imported where they belong', () => {
  assertNone(
    violationsOf(
      production.filter((file) => !TESTS_ONLY.test(file.path)),
      (file) =>
        file.imports
          .filter(
            (specifier) =>
              !specifier.startsWith('.') && !specifier.startsWith('node:') && !(specifier in SUBPATH_IMPORTS),
          )
          .map((specifier) =>
            specifier
              .split('/')
              .slice(0, specifier.startsWith('@') ? 2 : 1)
              .join('/'),
          )
          .filter((name) => !PACKAGES[name]?.includes(file.unit))
          .map((name) => `imports ${name}; allowed in ${PACKAGES[name]?.join(', ') ?? 'no folder'}`),
    ),
  );
});

test('file system, process and console are used at the edges only', () => {
  assertNone(
    violationsOf(
      production.filter((file) => !isEdge(file)),
      (file) => [
        ...file.imports
          .filter(
            (s) =>
              s.startsWith('node:') && !PURE_BUILTINS.includes(s) && !(s === 'node:fs' && readsOwnAssetsOnly(file)),
          )
          .map((s) => `imports ${s}`),
        ...(file.code.match(/(?<![.\w])(process|console)\s*[.[]/g) ?? []).map((use) => `uses ${use}`),
      ],
    ),
  );
});

/** A folder may read its own schema or asset: nothing of node:fs but readFileSync on a URL made from import.meta.url. */
function readsOwnAssetsOnly(file: SourceFile): boolean {
  const named = [...file.text.matchAll(/^import\s+(.*?)\s+from 'node:fs';$/gm)].map((match) => match[1]);
  const urls = [...file.text.matchAll(/const (\w+) = new URL\([^;]*import\.meta\.url\);/g)].map((match) => match[1]!);
  const reads = [...file.text.matchAll(/\breadFileSync\(\s*(?:(\w+)\b|new URL\([^;]*import\.meta\.url\))/g)];
  const calls = file.code.match(/\breadFileSync\(/g)?.length ?? 0;
  return (
    named.every((name) => name === '{ readFileSync }') &&
    reads.length === calls &&
    reads.every(([, name]) => name === undefined || urls.includes(name))
  );
}

test('clocks and chance come through the door', () => {
  assertNone(
    violationsOf(
      sources.filter((file) => file.unit !== 'commands'),
      (file) => file.code.match(/\bDate\.now\b|\bMath\.random\b|\bnew Date\(\s*\)/g) ?? [],
    ),
  );
});

test('no notes to self, no escape from the type checker', () => {
  const notes = new RegExp(`\\b(${['TO', 'FIX'].map((head, i) => head + ['DO', 'ME'][i]).join('|')}|X{3})\\b`, 'g');
  const comments = new RegExp(`@ts-(${['ignore', 'nocheck', 'expect-error'].join('|')})\\b`, 'g');
  const casts = new RegExp(`\\bas (${['any', 'unknown as'].join('|')})\\b|<any>`, 'g');
  assertNone(
    violationsOf([...sources, ...benchSources], (file) => [
      ...(file.text.match(notes) ?? []),
      ...(file.code.match(casts) ?? []),
      ...(file.text.match(comments) ?? []),
    ]),
  );
});

test(`files are kebab-case, named by a subject and at most ${MAX_LINES} lines long`, () => {
  assertNone(
    violationsOf([...sources, ...benchSources], (file) => {
      const lines = file.text.trimEnd().split('\n').length;
      const parts = file.path.split('/').slice(1);
      return [
        ...(lines > MAX_LINES ? [`${lines} lines`] : []),
        ...parts
          .filter((part) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test(\.support)?)?(\.ts)?$/.test(part))
          .map((part) => `${part} is not kebab-case`),
        ...parts
          .filter((part) => /^(utils?|helpers?|common|misc|shared)(\.ts)?$/.test(part))
          .map((part) => `${part} names no subject`),
      ];
    }),
  );
});

/** First cells of the table of a Markdown file whose first column is headed "entry" or "folder or file". */
function tableKeys(path: string): string[] {
  const lines = readFileSync(join(ROOT, path), 'utf8').split('\n');
  const start = lines.findIndex((line) => /^\| (entry|folder or file) \|/.test(line));
  assert.ok(start >= 0, `${path} has no table of its entries`);
  const rows = lines.slice(start + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end < 0 ? undefined : end).map((line) => line.split('|')[1]!.trim().replaceAll('`', ''));
}

const listEntries = (folder: string, hidden: RegExp): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .filter((name) => !hidden.test(name));

for (const folder of ['src', 'traces/record', 'traces/record/nested']) {
  test(`the table of ${folder}/README.md names what is there`, () => {
    const hidden = /^(README\.md|__pycache__\/)$/;
    assert.deepEqual(tableKeys(`${folder}/README.md`).sort(), listEntries(folder, hidden).sort());
  });
}

test('the quick start of README.md is two commands', () => {
  const section = /^## Quick start\n([\s\S]*?)(?=^## )/im.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'));
  assert.ok(section, 'README.md has no section "Quick start"');
  const blocks = [...section[1]!.matchAll(/^```(?:sh|bash|console)?\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
  const commands = blocks.flatMap((block) =>
    block
      .split('\n')
      .map((line) => line.replace(/#.*$/, '').trim())
      .filter(Boolean),
  );
  assert.deepEqual(commands, ['npm ci && npm start', 'npm ci && npm test']);
});
