/**
 * Copies of this build for the gate to be tried on: as it is, and with a known fault. The fault is code that runs: it
 * stands around a strategy of the copy, and its counters are counted like all others.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { ownBuild } from './injected-build.js';

/** What the program reads beside its code. */
const DATA = ['proto', 'traces'];

/** A copy that runs as a program of its own, in `target`: a new folder. */
export function copyBuild(target: string): void {
  mkdirSync(target, { recursive: true });
  cpSync(join(ownBuild, 'package.json'), join(target, 'package.json'));
  cpSync(join(ownBuild, 'dist', 'src'), join(target, 'dist', 'src'), {
    recursive: true,
    filter: (file) => !/\.(d\.ts|test\.js)$/.test(file),
  });
  symlinkSync(packagesFolder(), join(target, 'node_modules'), 'junction');
  for (const folder of DATA) symlinkSync(join(ownBuild, folder), join(target, folder), 'junction');
}

/** Where the packages lie that this build runs with: its own folder, or the one it is installed in. */
function packagesFolder(): string {
  const own = join(ownBuild, 'node_modules');
  if (existsSync(own)) return own;
  const main = createRequire(import.meta.url).resolve('commander');
  const segments = dirname(main).split(sep);
  return segments.slice(0, segments.lastIndexOf('node_modules') + 1).join(sep);
}

export interface Fault {
  /** File below dist/src/strategy and the strategy it exports. */
  readonly file: string;
  readonly name: string;
  /** What happens before every selection; sees `s` (the state), `list` and `vcpu`. */
  readonly code: string;
}

/** One comparison more at every guest entry. */
export const ONE_COMPARISON: Fault = {
  file: 'sort-on-flush',
  name: 'sortOnFlush',
  code: 's.cost.comparisons += 1;',
};

/** A walk over the whole list at every guest entry, in the strategy that never walks it. */
export const ONE_WALK: Fault = {
  file: 'buckets',
  name: 'buckets',
  code: 'for (const _row of list.order(vcpu)) s.cost.visits += 1;',
};

/** Throws if the build exports no such strategy. */
export function injectFault(target: string, { file, name, code }: Fault): void {
  const folder = join(target, 'dist', 'src', 'strategy');
  const [module, original] = [join(folder, `${file}.js`), join(folder, `${file}-as-built.js`)];
  if (!readFileSync(module, 'utf8').includes(`export const ${name} = `))
    throw new Error(`${module} exports no ${name}: the fault of the self-test fits it no more`);
  renameSync(module, original);
  writeFileSync(
    module,
    `import { ${name} as asBuilt } from './${file}-as-built.js';
export * from './${file}-as-built.js';
export const ${name} = {
  ...asBuilt,
  create: (params) => (s, ops) => {
    const list = asBuilt.create(params)(s, ops);
    return {
      ...list,
      select(vcpu) {
        ${code}
        return list.select(vcpu);
      },
    };
  },
};
`,
  );
}
