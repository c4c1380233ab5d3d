/**
 * Import this first in a process that measures the core: V8 then inlines the whole path of an event into the hot loop
 * (typical and deep lists 1.1x, periodic and recordings 1.2-1.4x; bench/README.md). The flags count when a function is
 * compiled, so they may be set at run time, before the core is warm. Results do not depend on them.
 */
import { setFlagsFromString } from 'node:v8';

// Bytes of bytecode: of one function that may be inlined (V8: 460), and of all that are inlined into one (V8: 920). With
// more, the merge sort is inlined as well and runs out of registers (deep-988 1.5x slower).
setFlagsFromString('--max-inlined-bytecode-size=1000');
setFlagsFromString('--max-inlined-bytecode-size-cumulative=5000');
