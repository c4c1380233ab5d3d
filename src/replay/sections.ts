/**
 * Critical sections: how long the hypervisor works in one go, in modelled steps (list nodes visited, comparisons, locks taken,
 * list registers written) and in locks, and whose time it takes (vgic-spec 1.23, 8.2). Most are a path of vgic/counters.ts;
 * those that a path shares with others have counters of their own there. An exit that comes as FOLD and PRUNE events is counted
 * in its parts alone, since other CPUs' steps lie between them.
 *
 * What runs with interrupts off also delays everything else on its host CPU, other VMs included, whoever pays for it.
 */
import * as Counters from '../vgic/counters.js';
import type { Stretch } from '../vgic/its/costs.js';
import type { Its } from '../vgic/its/its.js';
import type { Vgic } from '../vgic/vgic.js';
import type { Metric, SectionFigures } from './result.js';

export const SECTION_IDS = [
  'append',
  'key-change',
  'flush',
  'exit',
  'fold',
  'prune',
  'lpi-lookup-fold',
  'pending-test',
  'dist-enable',
  'dist-enable-all',
  'lpis-off',
  'lpi-lookup',
  'broadcast',
  'its-invall',
  'its-movall',
  'its-queue',
] as const;
export type SectionId = (typeof SECTION_IDS)[number];

/** In the order of the counters: PAYER_HOST, PAYER_OWN, PAYER_OTHER, PAYER_COMMAND. */
export const PAYER_IDS = ['host', 'own', 'other-vcpu', 'its-command'] as const;
export type PayerId = (typeof PAYER_IDS)[number];

/** Words for a table, and what stands behind them. */
export const PAYERS: Readonly<Record<PayerId, readonly [name: string, meaning: string]>> = {
  host: ['host', 'the CPU on which a device, a timer or user space injects: in a host interrupt or thread'],
  own: ['itself', 'the vCPU whose list it is, in its own time slice: its entries, exits, waits and writes'],
  'other-vcpu': ['another vCPU', 'another vCPU of the VM, which wrote a register or sent an SGI'],
  'its-command': ['ITS command', 'the vCPU that issued an ITS command; the trace does not say which'],
};

export interface Section {
  readonly id: SectionId;
  readonly title: string;
  /** Interrupts while it runs: off from end to end; off in the parts of it; on (a mutex, can be preempted). */
  readonly interrupts: 'off' | 'off-in-parts' | 'on';
  /** Its steps are in another section's too. */
  readonly isPartOf: SectionId | null;
}

/** A path or a section counter, with who pays; the first of the section counters of all payers; a stretch of the ITS. */
type Source =
  | { readonly path: number; readonly payer: PayerId }
  | { readonly counter: number; readonly payer: PayerId }
  | { readonly byPayer: number }
  | { readonly its: (its: Its) => Stretch };

const row = (
  id: SectionId,
  title: string,
  source: Source,
  interrupts: Section['interrupts'] = 'off',
  isPartOf: SectionId | null = null,
): { readonly section: Section; readonly source: Source } => ({
  section: { id, title, interrupts, isPartOf },
  source,
});

const SECTIONS: readonly { readonly section: Section; readonly source: Source }[] = [
  row('append', 'injection, SGI or register write that may queue', { byPayer: Counters.SECTION_APPEND }),
  row('key-change', 'register write that changes the key of a queued interrupt', {
    byPayer: Counters.SECTION_KEY_CHANGE,
  }),
  row('flush', 'guest entry: flush', { path: Counters.PATH_FLUSH, payer: 'own' }),
  row('exit', 'guest exit: fold and prune', { counter: Counters.SECTION_EXIT, payer: 'own' }),
  row('fold', 'fold', { path: Counters.PATH_FOLD, payer: 'own' }, 'off', 'exit'),
  row('prune', 'prune', { path: Counters.PATH_PRUNE, payer: 'own' }, 'off', 'exit'),
  row(
    'lpi-lookup-fold',
    'fold: walk to one LPI by number',
    { counter: Counters.SECTION_FOLD_LOOKUP, payer: 'own' },
    'off',
    'exit',
  ),
  row('pending-test', 'pending test of one vCPU, whoever asks', { byPayer: Counters.SECTION_PENDING }),
  row(
    'dist-enable',
    'GICD_CTLR 0 to 1: pending test of one vCPU',
    { byPayer: Counters.SECTION_DIST_ON },
    'off',
    'pending-test',
  ),
  row(
    'dist-enable-all',
    'GICD_CTLR 0 to 1: pending tests of all vCPUs',
    { counter: Counters.SECTION_DIST_ON_ALL, payer: 'own' },
    'off-in-parts',
    'pending-test',
  ),
  row('lpis-off', 'EnableLPIs 1 to 0: LPIs leave the list', { counter: Counters.SECTION_LPIS_OFF, payer: 'own' }),
  row('lpi-lookup', 'walk to one LPI by number', { byPayer: Counters.SECTION_LOOKUP }),
  row(
    'broadcast',
    'request to all vCPUs; a step is a vCPU asked',
    { byPayer: Counters.SECTION_BROADCAST },
    'off-in-parts',
  ),
  row('its-invall', 'ITS command INVALL', { its: ({ costs }) => costs.stretchOf('INVALL') }, 'on', 'its-queue'),
  row('its-movall', 'ITS command MOVALL', { its: ({ costs }) => costs.stretchOf('MOVALL') }, 'on', 'its-queue'),
  row('its-queue', 'GITS_CWRITER: all commands of one write', { its: ({ costs }) => costs.queue }, 'on'),
];

const byId = new Map<string, Section>(SECTIONS.map(({ section }) => [section.id, section]));
/** Title and kind of a section of a record. */
export function sectionNamed(id: SectionId): Section {
  const section = byId.get(id);
  if (section === undefined) throw new RangeError(`no section ${id}`);
  return section;
}

type Figures = Omit<SectionFigures, 'id'>;

/** What ran, by payer. */
function figuresOf(source: Source, { state: { cost } }: Vgic, its: Its | undefined): Figures[] {
  const ofCounter = (counter: number, payer: PayerId): Figures => ({
    payer,
    calls: cost.sectionCalls[counter],
    steps: {
      sum: cost.sectionSum[counter],
      max: cost.sectionMax[counter],
      hist: cost.sectionHistogram(counter),
    },
    locks: {
      sum: cost.sectionLockSum[counter],
      max: cost.sectionLockMax[counter],
      hist: cost.sectionLockHistogram(counter),
    },
  });
  const ofPath = (path: number, metric: number): Metric => {
    const at = path * Counters.NR_METRICS + metric;
    return { sum: cost.sum[at], max: cost.max[at], hist: cost.histogram(path, metric) };
  };
  if ('path' in source) {
    const { path, payer } = source;
    const steps = ofPath(path, Counters.METRIC_STEPS);
    return [{ payer, calls: cost.calls[path], steps, locks: ofPath(path, Counters.METRIC_LOCKS) }];
  }
  if ('counter' in source) return [ofCounter(source.counter, source.payer)];
  if ('byPayer' in source) return PAYER_IDS.map((payer, at) => ofCounter(source.byPayer + at, payer));
  if (its === undefined) return [];
  const { steps, locks } = source.its(its);
  return [{ payer: 'own', calls: steps.calls, steps: steps.read(), locks: locks.read() }];
}

/** Every section that ran, by payer. `its`: the machine's, if an event made it. */
export function sectionFigures(vgic: Vgic, its: Its | undefined): SectionFigures[] {
  return SECTIONS.flatMap(({ section: { id }, source }) =>
    figuresOf(source, vgic, its)
      .filter(({ calls }) => calls > 0)
      .map((figures) => ({ id, ...figures })),
  );
}

/** Steps of a section over all payers. */
export interface SectionCost extends Metric {
  readonly section: Section;
  readonly calls: number;
}

/** All sections of a model but those of the ITS, those that never ran included. */
export function criticalSections(vgic: Vgic): SectionCost[] {
  return SECTIONS.filter(({ source }) => !('its' in source)).map(({ section, source }) => {
    const figures = figuresOf(source, vgic, undefined);
    const { sum, max, hist } = addMetrics(figures.map(({ steps }) => steps));
    return { section, calls: figures.reduce((all, { calls }) => all + calls, 0), sum, max, hist };
  });
}

function addMetrics(metrics: readonly Metric[]): Metric {
  const length = Math.max(0, ...metrics.map(({ hist }) => hist.length));
  return {
    sum: metrics.reduce((all, { sum }) => all + sum, 0),
    max: Math.max(0, ...metrics.map(({ max }) => max)),
    hist: Array.from({ length }, (_, bucket) => metrics.reduce((all, { hist }) => all + (hist[bucket] ?? 0), 0)),
  };
}

/**
 * A number that at least the share `p` of the calls did not exceed: the end of a bucket (2^b - 1), or the maximum if that is
 * less. null for a section that never ran.
 */
export function quantileAtMost({ hist, max }: Metric, p: number): number | null {
  const total = hist.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (let bucket = 0; bucket < hist.length; bucket++) {
    seen += hist[bucket];
    if (seen >= p * total) return Math.min(2 ** bucket - 1, max);
  }
  return max;
}
