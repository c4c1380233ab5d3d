/** A kebab-case name from a path: the file's, or its folder's if it is the trace.txt of a recording folder. */
export function traceNameOf(path: string): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== '');
  const stem = (parts.at(-1) ?? '')
    .replace(/\.gz$/, '')
    .replace(/\.(txt|log|dat|trace|perfetto-trace|pftrace|pb|vgt|jsonl)$/, '');
  const name = stem === 'trace' && parts.length > 1 ? (parts.at(-2) ?? '') : stem;
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'trace'
  );
}
