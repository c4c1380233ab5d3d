/** What a machine is and how well times can be told apart on it: plain facts, judged. commands/machine-facts.ts gathers them. */
import { plural } from '../base/number-format.js';
import { createGenerator } from '../base/rng.js';
import { quantileOfSorted } from './quantile.js';
import { estimateTime } from './randomisation.js';

/** Said where a system does not tell. */
export type Unknown = 'unknown';

/** Of the machine a result was made on. */
export interface MachineFacts {
  /**
   * First 12 hex digits of the sha256 of CPU model, cores, operating system with architecture, Node's major version and
   * flags: times of one fingerprint may be put into one series.
   */
  readonly fingerprint: string;
  readonly cpu: string;
  readonly cores: number;
  readonly os: string;
  readonly arch: string;
  readonly node: string;
  readonly v8: string;
  /** Of the process and of NODE_OPTIONS. */
  readonly flags: readonly string[];
  readonly governor: string | Unknown;
  readonly turbo: 'on' | 'off' | Unknown;
  readonly smt: 'on' | 'off' | Unknown;
  /** 'none', or its kind. */
  readonly container: string | Unknown;
  readonly virtualMachine: string | Unknown;
  /** CPUs that the control group may use; null: no limit. */
  readonly quotaCpus: number | null | Unknown;
  /** Average over a minute. */
  readonly load: number;
  readonly swapUsedMb: number | Unknown;
}

/** Over a stretch of time. */
export interface Disturbance {
  /** Share of the time of all CPUs that the hypervisor gave to others. */
  readonly steal: number | Unknown;
  /** Times that a CPU was slowed down because of its heat. */
  readonly throttled: number | Unknown;
}

export interface TimerFacts {
  /** Smallest step of performance.now, and what a call takes; ns. */
  readonly granularityNs: number;
  readonly overheadNs: number;
}

/** What a comparison of so many blocks tells apart. */
export interface Resolution {
  readonly blocks: number;
  readonly floor: number;
  readonly delta: number;
  /** A slowdown, as a share, that 80 % of runs find. */
  readonly smallestDetectable: number;
}

const LEAST_DELTA = 0.02;
const FLOOR_FACTOR = 1.5;
const [FLOOR_P, TAIL, MISSED] = [0.95, 0.05, 0.2];
const DRAWS = 4000;

/**
 * From the times of fresh processes of one program: two arms of `blocks` processes each are drawn from them again and
 * again. Figures as in block-samples.ts.
 */
export function foreseeResolution(times: readonly number[], blocks: number, seed: number): Resolution {
  const generator = createGenerator(seed);
  const arm = (): number =>
    estimateTime(Float64Array.from({ length: blocks }, () => times[generator.nextBelow(times.length)]));
  const ratios = Float64Array.from({ length: DRAWS }, () => arm() / arm()).sort();
  const floor = quantileOfSorted(ratios.map((ratio) => Math.abs(ratio - 1)).sort(), FLOOR_P);
  const delta = Math.max(LEAST_DELTA, FLOOR_FACTOR * floor);
  const smallest = (1 + delta) / (quantileOfSorted(ratios, TAIL) * quantileOfSorted(ratios, MISSED)) - 1;
  return { blocks, floor, delta, smallestDetectable: smallest };
}

const MOST_STEAL = 0.1;
const MOST_FLOOR = 0.1;
const MOST_OVERHEAD_NS = 10_000;
const MUCH_SWAP_MB = 64;

/** Why times of a stretch are worth nothing, in words, or null. */
export function findDisturbance({ steal, throttled }: Disturbance): string | null {
  if (steal !== 'unknown' && steal > MOST_STEAL)
    return `the hypervisor gave ${(100 * steal).toFixed(0)}\u00a0% of the CPU time to others`;
  if (throttled !== 'unknown' && throttled > 0) return 'a CPU was slowed down because of its heat';
  return null;
}

export interface Fitness {
  readonly verdict: 'fit' | 'unfit';
  /** Why it is unfit. */
  readonly reasons: readonly string[];
  /** What makes times less steady, and what to do. */
  readonly advice: readonly string[];
}

export function judgeFitness(
  facts: MachineFacts,
  disturbance: Disturbance,
  timer: TimerFacts,
  resolution: Resolution | null,
): Fitness {
  const reasons: string[] = [];
  const disturbed = findDisturbance(disturbance);
  if (disturbed !== null) reasons.push(disturbed);
  if (resolution !== null && resolution.floor > MOST_FLOOR)
    reasons.push(`identical programs differ by up to ${(100 * resolution.floor).toFixed(1)}\u00a0%`);
  if (typeof facts.quotaCpus === 'number' && facts.quotaCpus < 1)
    reasons.push(`the control group may use ${facts.quotaCpus} of a CPU, so every process is stopped now and then`);
  if (timer.granularityNs > MOST_OVERHEAD_NS || timer.overheadNs > MOST_OVERHEAD_NS)
    reasons.push(
      `the clock steps by ${Math.round(timer.granularityNs)} ns and takes ${Math.round(timer.overheadNs)} ns`,
    );
  return { verdict: reasons.length === 0 ? 'fit' : 'unfit', reasons, advice: adviseOn(facts) };
}

function adviseOn(facts: MachineFacts): string[] {
  const advice: string[] = [];
  const { load, cores, governor, turbo, smt, swapUsedMb, container, virtualMachine } = facts;
  if (load > cores / 2)
    advice.push(`load ${load.toFixed(1)} on ${plural(cores, 'core')}: others run beside; comparisons take longer`);
  if (governor !== 'unknown' && governor !== 'performance')
    advice.push(`CPU governor '${governor}': 'performance' is steadier`);
  if (turbo === 'on') advice.push('turbo is on: speed depends on how warm the CPU is');
  if (smt === 'on') advice.push('SMT is on: what runs on the other thread of a core slows it down');
  if (swapUsedMb !== 'unknown' && swapUsedMb > MUCH_SWAP_MB)
    advice.push(`${Math.round(swapUsedMb)} MB are swapped out`);
  if (container !== 'none' && container !== 'unknown') advice.push(`in a container (${container}): its host is shared`);
  if (virtualMachine !== 'none' && virtualMachine !== 'unknown')
    advice.push(`in a virtual machine (${virtualMachine}): its host may be shared`);
  return advice;
}

/** "this machine can resolve ≥ 3.1 % with 30 blocks (about 42 s a cell)". */
export const describeResolution = ({ smallestDetectable, blocks }: Resolution, secondsACell: number): string =>
  `this machine can resolve ≥ ${(100 * smallestDetectable).toFixed(1)}\u00a0% with ${blocks} blocks (about ${Math.max(1, Math.round(secondsACell))} s a cell)`;
