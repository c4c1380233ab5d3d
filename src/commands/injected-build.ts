/**
 * A build of this tool that is slower by a known amount in one hot path: what a comparison of times must find. A copied
 * dist/ whose guest entry first turns a loop; no counter and no list register changes.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder above dist/ of the tool that runs. */
export const ownBuild = fileURLToPath(new URL('../../../', import.meta.url));

/** The module that makes the core, and the file that its original moves to. */
const CORE = 'dist/src/vgic/vgic.js';
const ORIGINAL = 'dist/src/vgic/vgic-as-built.js';

/** What replaces it. `turns` of the loop take about a nanosecond each: one multiplication waits for the one before. */
const slowCore = (turns: number): string => `import { createVgic as createAsBuilt } from './vgic-as-built.js';
export * from './vgic-as-built.js';
const TURNS = ${turns};
const spun = new Int32Array(1);
function spin() {
  let word = spun[0];
  for (let turn = 0; turn < TURNS; turn++) word = (Math.imul(word, 1664525) + 1013904223) | 0;
  spun[0] = word;
}
export function createVgic(...given) {
  const vgic = createAsBuilt(...given);
  const { flush } = vgic;
  return {
    ...vgic,
    flush(vcpu) {
      spin();
      flush(vcpu);
    },
  };
}
`;

/** Makes the folder `target` (new or empty) a build like `build`: its own program, the same packages and traces. */
export function copyBuild(build: string, target: string): void {
  mkdirSync(target, { recursive: true });
  // Whose imports map finds the copied files; the rest, as packages and traces, is what it was.
  cpSync(join(build, 'package.json'), join(target, 'package.json'));
  for (const entry of readdirSync(build))
    if (entry !== 'dist' && entry !== 'package.json' && !entry.startsWith('.'))
      symlinkSync(resolve(build, entry), join(target, entry));
  cpSync(join(build, 'dist', 'src'), join(target, 'dist', 'src'), {
    recursive: true,
    filter: (file) => !/\.(d\.ts|test\.js)$/.test(file),
  });
}

/**
 * Makes in the folder `target` (new or empty) a build that is `build` with `turns` turns more at every guest entry; its
 * command line works as that of `build`.
 */
export function injectSpin(build: string, target: string, turns: number): void {
  copyBuild(build, target);
  renameSync(join(target, CORE), join(target, ORIGINAL));
  const asBuilt = readFileSync(join(target, ORIGINAL), 'utf8');
  if (!/export function createVgic\(/.test(asBuilt)) throw new Error(`${build}: ${CORE} exports no createVgic`);
  writeFileSync(join(target, CORE), slowCore(turns));
}
