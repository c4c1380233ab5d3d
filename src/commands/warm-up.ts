/**
 * How a core comes to run as compiled code before it is measured. V8 compiles a function after so many calls and turns of
 * its loops, whatever they did. The replay of a trace in a few long calls calls the outermost function of the core so seldom
 * that it was compiled in the 29th pass (linux-boot): a busy machine, whose CPU time is spent after 20 passes, then measured
 * another program than an idle one, half as fast again. Short calls at first, and always the same number, end that.
 */

/** `run` replays `count` events from `from` on. */
export interface WarmCode {
  readonly events: number;
  reset(): void;
  run(from: number, count: number): void;
}

const PASSES = 4;
/** In each pass; with more of either no function of the hot path was compiled later. */
const CALLS = 1024;

export function warmUp({ events, reset, run }: WarmCode): void {
  for (let pass = 0; pass < PASSES; pass++) {
    reset();
    for (let call = 0; call < CALLS; call++) {
      const [from, to] = [call, call + 1].map((at) => Math.floor((at * events) / CALLS));
      if (to > from) run(from, to - from);
    }
  }
}
