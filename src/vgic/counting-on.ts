/**
 * `#counting` resolves to this file, or to counting-off.ts under `node --conditions=plain`: two builds of the core from
 * one source. An isolate runs one of them, so the JIT folds the constant and the plain core holds no counter code.
 */
export const COUNTED: boolean = true;
