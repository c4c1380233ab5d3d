/**
 * Where the time of a CPU profile went: self time by function. Shape of the profile: the `Profiler.Profile` of the Chrome
 * DevTools protocol, as V8 writes it to .cpuprofile files.
 */

export interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** Both from 0. */
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly children?: readonly number[];
}

export interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  /** Microseconds. */
  readonly startTime: number;
  readonly endTime: number;
  /** Ids of nodes, and the microseconds from the sample before it (of the first: from the start of the profile) to each. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  /** Name of the function; V8's own in brackets: "(garbage collector)", "(program)". */
  readonly name: string;
  /** File as a URL; empty for V8's own. */
  readonly url: string;
  /** From 1; 0 for V8's own. */
  readonly line: number;
  readonly us: number;
  /** Of all samples. */
  readonly share: number;
}

/** What is called without a name. */
const ANONYMOUS = '(anonymous)';

/**
 * Microseconds that each sample stands for: until the next one, as DevTools has it. What is before the first (the start of the
 * profiler itself, up to hundreds of milliseconds) belongs to none.
 */
export function sampleTimes({ samples, timeDeltas, startTime, endTime }: CpuProfile): number[] {
  const last = timeDeltas.reduce((sum, us) => sum + us, startTime);
  // Clocks of two cores may disagree by a little.
  return samples.map((_, at) => Math.max(0, at + 1 < samples.length ? timeDeltas[at + 1] : endTime - last));
}

/** Self time by function, the longest first. */
export function selfTimes(profile: CpuProfile): SelfTime[] {
  const { nodes, samples } = profile;
  const times = sampleTimes(profile);
  const nodeOf = new Map(nodes.map((node) => [node.id, node]));
  const found = new Map<string, { name: string; url: string; line: number; us: number }>();
  let total = 0;
  for (const [at, id] of samples.entries()) {
    const node = nodeOf.get(id);
    if (node === undefined) throw new RangeError(`sample ${at} names node ${id}, which the profile does not have`);
    const { functionName, url, lineNumber } = node.callFrame;
    const name = functionName === '' ? ANONYMOUS : functionName;
    const line = url === '' ? 0 : lineNumber + 1;
    const key = `${name} ${url} ${line}`;
    const entry = found.get(key) ?? { name, url, line, us: 0 };
    entry.us += times[at];
    total += times[at];
    found.set(key, entry);
  }
  return [...found.values()]
    .map((entry) => ({ ...entry, share: total === 0 ? 0 : entry.us / total }))
    .sort((a, b) => b.us - a.us || (a.name < b.name ? -1 : 1));
}
