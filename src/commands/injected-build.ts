/**
 * A build of this tool that is slower by a known amount in one hot path: what a comparison of times must find. A copied
 * dist/ whose guest entry first turns a loop; no counter and no list register changes.
 */
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

/**
 * Makes in the folder `target` (new or empty) a build that is `build` with `turns` turns more at every guest entry. 0 turns:
 * the wrapper alone, against which the turns are calibrated.
 */
export function injectSpin(build: string, target: string, turns: number): void {
  mkdirSync(target, { recursive: true });
  cpSync(join(build, 'package.json'), join(target, 'package.json'));
  cpSync(join(build, 'dist', 'src'), join(target, 'dist', 'src'), {
    recursive: true,
    filter: (file) => !/\.(d\.ts|test\.js)$/.test(file),
  });
  renameSync(join(target, CORE), join(target, ORIGINAL));
  const asBuilt = readFileSync(join(target, ORIGINAL), 'utf8');
  if (!/export function createVgic\(/.test(asBuilt)) throw new Error(`${build}: ${CORE} exports no createVgic`);
  writeFileSync(join(target, CORE), slowCore(turns));
}
