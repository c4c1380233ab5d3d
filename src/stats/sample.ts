/** What one fresh process measured. */
export interface Sample {
  readonly events: number;
  /** Nanoseconds per event of each pass. */
  readonly nsPerEvent: readonly number[];
  /** Digest of the first replay from reset; empty if nothing was replayed. */
  readonly digest: string;
}

/** How long a process measures. */
export interface Effort {
  /** Passes that count, at most; fewer if they take longer than `budgetMs`, but at least `leastPasses`. */
  readonly passes: number;
  readonly leastPasses: number;
  readonly budgetMs: number;
  readonly warmupPasses: number;
  readonly warmupMs: number;
  /** A pass repeats its replay until it takes so long. */
  readonly passMs: number;
}

export const FULL_EFFORT: Effort = {
  passes: 30,
  leastPasses: 8,
  budgetMs: 600,
  warmupPasses: 5,
  warmupMs: 250,
  passMs: 5,
};
export const QUICK_EFFORT: Effort = { ...FULL_EFFORT, passes: 10, leastPasses: 3, budgetMs: 150, warmupPasses: 3 };

export interface TimedCode {
  /** Brings back the state before the first event; not timed. */
  reset(): void;
  run(): void;
}

/** Warms up, then times passes. `now` in milliseconds. Returns milliseconds per run of each pass. */
export function timePasses(code: TimedCode, effort: Effort, now: () => number): number[] {
  const timeRuns = (runs: number): number => {
    let ms = 0;
    for (let run = 0; run < runs; run++) {
      code.reset();
      const start = now();
      code.run();
      ms += now() - start;
    }
    return ms;
  };
  const warmupStart = now();
  let fastest = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < effort.warmupPasses || now() - warmupStart < effort.warmupMs; pass++) {
    fastest = Math.min(fastest, timeRuns(1));
  }
  const runs = Math.max(1, Math.ceil(effort.passMs / Math.max(fastest, 1e-3)));
  const passes: number[] = [];
  const start = now();
  while (passes.length < effort.passes && (passes.length < effort.leastPasses || now() - start < effort.budgetMs)) {
    passes.push(timeRuns(runs) / runs);
  }
  return passes;
}
