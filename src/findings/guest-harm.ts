/** What strategies do to an honest guest that is behind: who waits, behind whom, and for how long. */
import { expandProgram } from '../hostile/expand.js';
import { doing, type GuestProgram, interruptsAt, programMachine } from '../hostile/program.js';
import { createModel, findStrategyLack } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import { createHarmMeter } from '../replay/harm.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { FLUSH, wordKind, wordVcpu } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';

const SCATTERED = 34;
const FLAVOUR = 'kvm-6.1';

/** One interrupt arrives before each entry, and the guest takes the most urgent that it is shown; 64 wait from the start. */
const BEHIND: GuestProgram = {
  model: 'gicv3',
  vcpus: 2,
  setUp: [doing('priority', { vcpu: 1, value: SCATTERED }), doing('pend', { vcpu: 1 })],
  round: [
    doing('pend', { vcpu: 1, from: 0, to: 0, slides: true }),
    doing('enter'),
    doing('drain', { value: 1 }),
    doing('exit'),
  ],
  rounds: 512,
};
const SIZE = { n: 64, nrLr: 4 };

export const HARM_GUEST = `${SIZE.n} SPIs of scattered priorities, ${SIZE.nrLr} LRs, ${FLAVOUR}; before each of ${BEHIND.rounds} entries one more arrives and one is taken`;

export interface StrategyHarm {
  readonly strategy: string;
  /** Entries at which an interrupt waited while a less urgent one had a list register. */
  readonly invertedEntries: number;
  readonly entries: number;
  /** Most entries that one was left out of on end, and most at which a less urgent one was not. */
  readonly longestWait: number;
  readonly longestPassed: number;
  /** Deliverable at the end and on no list. */
  readonly lost: number;
}

export function gatherHarm(chosen: readonly ChosenStrategy[]): StrategyHarm[] {
  const machine = programMachine(BEHIND, SIZE, FLAVOUR, false);
  const { block, ...sink } = createColumnSink();
  expandProgram(BEHIND, machine, { ...interruptsAt(BEHIND, SIZE), writesPerExit: 1 }, sink);
  return chosen
    .filter(({ strategy }) => strategy.structure === 'ap-list' && findStrategyLack(machine, strategy) === undefined)
    .map((each): StrategyHarm => {
      const vgic = createModel(machine, each);
      const engine = createEngine(vgic);
      const meter = createHarmMeter(vgic);
      let entries = 0;
      for (let event = 0; event < block.count; event++) {
        const word = block.word[event];
        meter.before(word);
        engine.step(word, block.value[event]);
        if (wordKind(word) !== FLUSH) continue;
        meter.afterFlush(wordVcpu(word));
        entries++;
      }
      const { inversions, waiting, lost } = meter.result();
      return {
        strategy: each.label,
        invertedEntries: inversions.entries,
        entries,
        longestWait: waiting.longest,
        longestPassed: waiting.longestPassed,
        lost,
      };
    });
}
