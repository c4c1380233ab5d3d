/** How far `attack` is: a bar on a terminal, a line now and then elsewhere. */
import type { SearchState } from '../attack/search.js';
import { describeShares } from './attack-text.js';
import type { Terminal } from './terminal.js';

export interface AttackProgress {
  update(): void;
  stop(): void;
}

/** All but one are infinite. */
export interface AttackEnd {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly evaluations: number;
}

const LINE_EVERY_MS = 10_000;
const BAR_EVERY_MS = 500;
const BAR_WIDTH = 20;

export async function createAttackProgress(
  terminal: Terminal,
  state: SearchState,
  end: AttackEnd,
  cpuSeconds: () => number,
): Promise<AttackProgress> {
  const started = performance.now();
  const before = state.evaluations;
  let shown = started;
  const speed = (): string => {
    const seconds = Math.max(0.001, (performance.now() - started) / 1000);
    return `${state.evaluations} evaluations, ${Math.round((state.evaluations - before) / seconds)}/s`;
  };
  const done = (): number => {
    const elapsed = (performance.now() - started) / 1000 / end.seconds;
    return Math.min(1, Math.max(elapsed, cpuSeconds() / end.cpuSeconds, state.evaluations / end.evaluations));
  };
  if (!terminal.isErrTty) {
    return {
      update() {
        if (performance.now() - shown < LINE_EVERY_MS) return;
        shown = performance.now();
        terminal.err(`${speed()}; of the declared worst cases: ${describeShares(state)}`);
      },
      stop() {},
    };
  }
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({
    format: (options, { progress }) => {
      const filled = Math.round(progress * BAR_WIDTH);
      const full = options.barCompleteString?.slice(0, filled) ?? '';
      const rest = options.barIncompleteString?.slice(0, BAR_WIDTH - filled) ?? '';
      return `${full}${rest} ${Math.floor(100 * progress)} % | ${speed()} | ${describeShares(state)}`;
    },
    barsize: BAR_WIDTH,
    clearOnComplete: true,
    linewrap: null,
  });
  bar.start(1, 0);
  return {
    update() {
      if (performance.now() - shown < BAR_EVERY_MS) return;
      shown = performance.now();
      bar.update(done());
    },
    stop: () => bar.stop(),
  };
}
