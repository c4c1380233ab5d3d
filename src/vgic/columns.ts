/**
 * The columns of the model. Two rules keep them constants to V8, so that an access is a comparison and a load
 * (bench/README.md):
 * Each has an ArrayBuffer of its own: typed arrays of up to 64 bytes would lie in the heap, where the collector moves
 * them, and every access would load base and length (typical and periodic 1.1x).
 * A function with a loop takes the columns that the loop reads into locals before it: inside a loop the compiler looks
 * at an access before it has found out which array that is (deep-988 1.4x).
 */
export const int32Column = (length: number): Int32Array => new Int32Array(new ArrayBuffer(4 * length));
export const uint8Column = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length));
export const uint16Column = (length: number): Uint16Array => new Uint16Array(new ArrayBuffer(2 * length));
export const int16Column = (length: number): Int16Array => new Int16Array(new ArrayBuffer(2 * length));
