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

/** Code that runs in pieces, one after another, from the state that `reset` brings back. */
export interface PiecewiseCode {
  readonly pieces: number;
  reset(): void;
  runPiece(piece: number): void;
}

/** CPU time is what counts: a process that waits for its turn would else measure less where others are busy. */
export interface PieceEffort {
  readonly cpuMs: number;
  readonly leastPasses: number;
}

export interface PieceTimes {
  /** Milliseconds of each pass. */
  readonly passes: readonly number[];
  /** Sum over the pieces of the fastest run of each: a pass no part of which was disturbed. */
  readonly undisturbed: number;
}

/**
 * Times passes piece by piece until the CPU time is spent. Code that is compiled while it is measured is no minimum; code
 * that would be compiled later, with more CPU time, is: warm it up by a count of calls first. `now` and `cpu` in milliseconds.
 */
export function timePieces(code: PiecewiseCode, effort: PieceEffort, now: () => number, cpu: () => number): PieceTimes {
  const fastest = new Float64Array(code.pieces).fill(Number.POSITIVE_INFINITY);
  const passes: number[] = [];
  const end = cpu() + effort.cpuMs;
  while (passes.length < effort.leastPasses || cpu() < end) {
    code.reset();
    let pass = 0;
    for (let piece = 0; piece < code.pieces; piece++) {
      const start = now();
      code.runPiece(piece);
      const took = now() - start;
      pass += took;
      if (took < fastest[piece]) fastest[piece] = took;
    }
    passes.push(pass);
  }
  return { passes, undisturbed: fastest.reduce((sum, took) => sum + took, 0) };
}
