/** The kinds of units that runs are made of, and what each comes to. A unit is the same on every machine. */
import type { GrowthResult } from '../attack/growth.js';
import type { Rank } from '../attack/rank.js';
import type { CellResult } from '../replay/result.js';
import type { Evidence } from '../report/evidence.js';
import type { DepthSweep, DepthTimeline, VerifyResult } from '../report/model.js';
import type { Study } from '../study/study.js';

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
export type Unit = ReplayUnit | VerifyUnit | SweepUnit | StudyUnit | EvidenceUnit | GrowthUnit | RankUnit;

/** What a unit of each kind comes to. */
export interface UnitResults {
  readonly replay: { readonly cell: CellResult; readonly timeline: DepthTimeline | null };
  readonly verify: VerifyResult;
  readonly sweep: DepthSweep;
  readonly study: Study;
  readonly evidence: Evidence;
  readonly growth: GrowthResult;
  readonly rank: Rank;
}
export type UnitKind = keyof UnitResults;
export type UnitResult = UnitResults[UnitKind];
