/** The plain build of the core: see counting-on.ts. */
export const COUNTED: boolean = false;
