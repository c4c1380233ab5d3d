/**
 * Columns of the model. An own ArrayBuffer keeps even a column of one element off the JavaScript heap: V8 allocates
 * typed arrays of up to 64 bytes inside the heap, where the collector moves them, and then every access loads base and
 * length; the address of the others it compiles in.
 */
export const int32Column = (length: number): Int32Array => new Int32Array(new ArrayBuffer(4 * length));
export const uint8Column = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length));
export const int16Column = (length: number): Int16Array => new Int16Array(new ArrayBuffer(2 * length));
