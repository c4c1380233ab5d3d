/** Test support: a step of a CI job run by a real bash as the runner does, with fake programs that note how they are called. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

export interface Shell {
  readonly folder: string;
  /** A program of this name that notes its arguments, then does what the lines of bash say. */
  fake(name: string, lines: string): void;
  /** Arguments of every call so far. */
  calls(name: string): string[][];
  run(
    script: string,
    env: Readonly<Record<string, string>>,
  ): { readonly code: number | null; readonly out: string; readonly err: string };
  remove(): void;
}

export function createShell(): Shell {
  const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-ci-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const log = (name: string): string => join(folder, `${name}.calls`);
  return {
    folder,
    fake(name, lines) {
      // Arguments end in NUL, calls in NUL and a line feed.
      writeFileSync(
        join(bin, name),
        `#!/bin/bash\n{ printf '%s\\0' "$@"; printf '\\n'; } >> '${log(name)}'\n${lines}\n`,
      );
      chmodSync(join(bin, name), 0o755);
    },
    calls(name) {
      if (!existsSync(log(name))) return [];
      return readFileSync(log(name), 'utf8')
        .split('\0\n')
        .slice(0, -1)
        .map((call) => call.split('\0'));
    },
    run(script, env) {
      const { status, stdout, stderr } = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter), ...env },
      });
      return { code: status, out: stdout, err: stderr };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Does bash read it? Its complaint otherwise. */
export function findSyntaxError(script: string): string {
  return spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' }).stderr;
}
