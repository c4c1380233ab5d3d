/** How a timed process says that the core of a build has other names than this one; who reads it calls that incomparable. */
export const OTHER_CORE = 'has a core that is called otherwise';

export const isOtherCore = (error: string): boolean => error.includes(OTHER_CORE);
