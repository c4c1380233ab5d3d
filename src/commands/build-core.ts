/** The core of a build, this one or another, as the processes that measure it import it: by file and by name. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { createModel } from '../replay/create-model.js';
import type { createEngine } from '../replay/engine.js';
import { OTHER_CORE } from './other-core.js';
import type { loadStrategy } from './strategy-files.js';

export interface BuildCore {
  readonly createModel: typeof createModel;
  readonly createEngine: typeof createEngine;
  readonly loadStrategy: typeof loadStrategy;
}

/** Said of a build of another time, whose core has other names: there is nothing wrong with it. */
const callsOtherwise = (build: string, name: string): Error => new Error(`${build} ${OTHER_CORE}: it has no ${name}`);

/** `build`: the folder above its dist/. */
export async function importBuildCore(build: string): Promise<BuildCore> {
  const importFrom = async (module: string, name: string): Promise<Readonly<Record<string, unknown>>> => {
    const file = join(build, 'dist', 'src', module);
    if (!existsSync(file)) throw callsOtherwise(build, module);
    const core = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
    if (typeof core[name] !== 'function') throw callsOtherwise(build, `${name} in ${module}`);
    return core;
  };
  const parts = {
    ...(await importFrom('replay/create-model.js', 'createModel')),
    ...(await importFrom('replay/engine.js', 'createEngine')),
    ...(await importFrom('commands/strategy-files.js', 'loadStrategy')),
  };
  return parts as Readonly<Record<string, unknown>> as BuildCore & Readonly<Record<string, unknown>>;
}

/** Throws if the engine of the build is called otherwise. */
export function requireEngine(build: string, engine: ReturnType<BuildCore['createEngine']>): void {
  for (const name of ['run', 'resetSystems', 'digest'] as const)
    if (typeof engine[name] !== 'function') throw callsOtherwise(build, `engine.${name}`);
}
