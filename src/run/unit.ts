/** The kinds of units that runs are made of, and what each comes to. A unit is the same on every machine. */
import type { GrowthResult } from '../attack/growth.js';
import type { Rank } from '../attack/rank.js';
import type { CellResult, ExactPart } from '../replay/result.js';
import type { Evidence } from '../report/evidence.js';
import type { DepthSweep, DepthTimeline, VerifyResult } from '../report/model.js';
import type { ExperimentResult } from '../stats/experiment.js';
import type { MachineFacts } from '../stats/fitness.js';
import type { Study } from '../study/study.js';
import type { CheckAnswer, CheckJob } from './check-job.js';

interface UnitOf<Kind extends string> {
  readonly kind: Kind;
  /** Unique in the plan, readable: "replay traces/recorded/ipi-2.vgt fifo". */
  readonly id: string;
  /** About how long it takes: bytes of trace that are replayed in the same time. Part of the plan, not measured. */
  readonly cost: number;
}

/** One trace under one strategy; `timeline`: also its depth over time. `trace`: index into the traces of the plan. */
export interface ReplayUnit extends UnitOf<'replay'> {
  readonly trace: number;
  /** `id` of a planned strategy. */
  readonly strategy: string;
  readonly timeline: boolean;
}
export interface VerifyUnit extends UnitOf<'verify'> {
  readonly trace: number;
}
export interface SweepUnit extends UnitOf<'sweep'> {
  readonly nrLr: number;
}
export interface StudyUnit extends UnitOf<'study'> {
  readonly study: string;
}
export type EvidenceUnit = UnitOf<'evidence'>;
/** How the longest calls of all strategies of the plan grow in one flavour. */
export interface GrowthUnit extends UnitOf<'growth'> {
  readonly flavour: string;
  readonly nrLr: number;
  readonly isFull: boolean;
}
/** All guests of the plan under one strategy. */
export interface RankUnit extends UnitOf<'rank'> {
  readonly flavour: string;
  /** As its label has it. */
  readonly strategy: string;
}
/** A piece of the gate; `trace`: index into the traces of the plan of the one that it reads. */
export interface CheckUnit extends UnitOf<'check'> {
  readonly trace: number | null;
  readonly job: CheckJob;
}
/** All strategies of a trace in one interleaved run: only times of one machine and one hour compare. */
export interface BenchUnit extends UnitOf<'bench'> {
  readonly trace: number;
  /** `id`s of planned strategies; the others are divided by the first. */
  readonly strategies: readonly string[];
  readonly blocks: number;
  readonly isQuick: boolean;
  /** Also the exact counts, which formats of cells show beside the times. */
  readonly isCounted: boolean;
}
export type Unit =
  | ReplayUnit
  | VerifyUnit
  | SweepUnit
  | StudyUnit
  | EvidenceUnit
  | GrowthUnit
  | RankUnit
  | CheckUnit
  | BenchUnit;

/** Times of the strategies of a trace; its id is the sha256 of the trace. */
export interface BenchResult extends ExperimentResult {
  /** Hypervisor replayed. */
  readonly flavour: string;
}

/** What a unit of each kind comes to. */
export interface UnitResults {
  readonly replay: { readonly cell: CellResult; readonly timeline: DepthTimeline | null };
  readonly verify: VerifyResult;
  readonly sweep: DepthSweep;
  readonly study: Study;
  readonly evidence: Evidence;
  readonly growth: GrowthResult;
  readonly rank: Rank;
  readonly check: CheckAnswer;
  readonly bench: {
    readonly times: BenchResult;
    readonly exact: readonly ExactPart[];
    /** When the measurement had ended. */
    readonly machine: MachineFacts;
  };
}
export type UnitKind = keyof UnitResults;
export type UnitResult = UnitResults[UnitKind];
