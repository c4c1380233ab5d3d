/** The names of what can be read as a trace. */

/** What `import` reads. */
export const IMPORT_FORMATS = ['ftrace', 'trace-cmd', 'perf', 'perfetto', 'vgr1', 'jsonl'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];
/** "vgt" also stands for what nothing else claims: the trace reader says what is wrong with it. */
export type Format = ImportFormat | 'vgt';

/** The same lines, as three programs print them: one importer reads all. */
export const isFtraceText = (format: Format): boolean =>
  format === 'ftrace' || format === 'trace-cmd' || format === 'perf';
