/** ap_list depth over the time of one trace, binned while it is replayed: constant memory for any length. */

export interface TimelineBinCounts {
  samples: number;
  min: number;
  max: number;
  sum: number;
}

export interface Timeline {
  /** Notes the depth at `tick`; ticks do not fall. */
  add(tick: number, depth: number): void;
  /** Width of a bin in ticks. The first bin begins at tick 0. */
  readonly binTicks: number;
  /** Bins up to the last one with a sample; in one without samples the other figures are 0. */
  bins(): readonly Readonly<TimelineBinCounts>[];
}

/** At most `nrBins` bins; when time runs past the last one, neighbours are joined and the width doubles. */
export function createTimeline(nrBins = 240): Timeline {
  let binTicks = 1;
  let bins: TimelineBinCounts[] = [];

  const empty = (): TimelineBinCounts => ({ samples: 0, min: Number.POSITIVE_INFINITY, max: 0, sum: 0 });

  function joinNeighbours(): void {
    const joined: TimelineBinCounts[] = [];
    for (let i = 0; i < bins.length; i += 2) {
      const a = bins[i];
      const b = bins[i + 1] ?? empty();
      joined.push({
        samples: a.samples + b.samples,
        min: Math.min(a.min, b.min),
        max: Math.max(a.max, b.max),
        sum: a.sum + b.sum,
      });
    }
    bins = joined;
    binTicks *= 2;
  }

  return {
    add(tick, depth) {
      while (Math.floor(tick / binTicks) >= nrBins) joinNeighbours();
      const at = Math.floor(tick / binTicks);
      while (bins.length <= at) bins.push(empty());
      const bin = bins[at];
      bin.samples += 1;
      bin.sum += depth;
      if (depth < bin.min) bin.min = depth;
      if (depth > bin.max) bin.max = depth;
    },
    get binTicks() {
      return binTicks;
    },
    bins: () => bins.map((bin) => (bin.samples === 0 ? { ...bin, min: 0 } : bin)),
  };
}
