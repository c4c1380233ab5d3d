/**
 * Test support: Go's benchmark text as golang.org/x/perf/benchfmt reads it, but strict: every line must be of a known form.
 * A result line is "Benchmark" + name, iterations, then pairs of value and unit, between white space.
 */
import assert from 'node:assert/strict';

export interface BenchmarkResult {
  /** Without "Benchmark" and the number of threads. */
  readonly base: string;
  /** Parts behind "/": those with "=" as key and value. */
  readonly parts: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly iterations: number;
  readonly values: Readonly<Record<string, number>>;
  /** Of the configuration lines above it. */
  readonly config: Readonly<Record<string, string>>;
}

export interface BenchmarkFile {
  readonly results: readonly BenchmarkResult[];
  /** Unit → its metadata. */
  readonly units: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What `go test` says at the end of a package. */
const CLOSING = /^(PASS$|ok\s)/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export function parseBenchmarks(text: string): BenchmarkFile {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const results: BenchmarkResult[] = [];
  const units: Record<string, Record<string, string>> = {};
  const config: Record<string, string> = {};
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('Benchmark')) results.push({ ...parseResult(line), config: { ...config } });
    else if (line.startsWith('Unit ')) {
      const [, unit, ...pairs] = line.split(/\s+/);
      for (const pair of pairs) {
        const [, key, value] = /^([^=]+)=(.*)$/.exec(pair) ?? assert.fail(`expected key=value: ${line}`);
        assert.ok(
          key === 'assume' ? /^(exact|nothing)$/.test(value) : key === 'better' && /^(higher|lower)$/.test(value),
        );
        units[unit] = { ...units[unit], [key]: value };
      }
    } else if (!CLOSING.test(line)) {
      // A key begins with a lower-case letter and holds neither white space nor capitals.
      const [, key, value] =
        /^(\p{Ll}[^\s\p{Lu}:]*):[ \t]+(.*)$/u.exec(line) ?? assert.fail(`not a known line: ${line}`);
      config[key] = value;
    }
  }
  return { results, units };
}

function parseResult(line: string): Omit<BenchmarkResult, 'config'> {
  const [name, iterations, ...pairs] = line.slice('Benchmark'.length).trimEnd().split(/\s+/);
  assert.match(iterations ?? '', /^\d+$/, `iterations: ${line}`);
  assert.ok(pairs.length > 0 && pairs.length % 2 === 0, `pairs of value and unit: ${line}`);
  const values: Record<string, number> = {};
  for (let at = 0; at < pairs.length; at += 2) {
    assert.match(pairs[at], NUMBER, line);
    assert.ok(!(pairs[at + 1] in values), `${pairs[at + 1]} twice: ${line}`);
    values[pairs[at + 1]] = Number(pairs[at]);
  }
  const threads = /-(\d+)$/.exec(name);
  const [base, ...parts] = (threads === null ? name : name.slice(0, threads.index)).split('/');
  const keyed = parts.map((part): [string, string] => {
    const equals = part.indexOf('=');
    return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
  });
  return {
    base,
    parts: Object.fromEntries(keyed),
    threads: threads === null ? 1 : Number(threads[1]),
    iterations: Number(iterations),
    values,
  };
}
