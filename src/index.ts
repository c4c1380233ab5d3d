/** The library: what the command line is made of. Everything else is internal. */
export { FidelityError, InputError, UsageError, UserError } from './base/errors.js';
export type { GicModel, Machine } from './gic/intid.js';
export { lrHex } from './gic/lr.js';
export { chooseGuest, hostileWorkloads } from './hostile/index.js';
export { type BlockSource, replayTrace, type TraceIdentity } from './replay/replay.js';
export { CELL_SCHEMA, type CellResult, type ExactPart, type MeasuredPart, type PathCost } from './replay/result.js';
export { type VerifyRecord, verifyTrace } from './replay/verify.js';
export { type ChosenStrategy, strategies, strategyNamed } from './strategy/index.js';
export type { ApListStrategy, EquivalenceClass } from './strategy/strategy.js';
export { type EventBlock, type EventSink, KINDS } from './trace/events.js';
export type { Fidelity, TraceHeader } from './trace/header.js';
export { openTrace, type TraceReader } from './trace/reader.js';
export { type ByteSource, type ByteTarget, createMemorySource, createMemoryTarget } from './trace/source.js';
export { createTraceWriter, type TraceWriter } from './trace/writer.js';
export type { ApList, ApListOps, CreateApList } from './vgic/ap-list.js';
export { createVgic, type Vgic } from './vgic/vgic.js';
export { chooseWorkload, generateColumns, workloadHeader, workloads } from './workload/index.js';
export type { Workload, WorkloadParams } from './workload/workload.js';
