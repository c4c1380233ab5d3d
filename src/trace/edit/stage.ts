/** Events on their way from one trace to another: stages that drop, move or rename them. */

export interface EventStage {
  /** `tick`: time since the start of the trace. Events come in the order of time. */
  event(kind: number, vcpu: number, intid: number, value: number, tick: number): void;
  /** After the event that came last, the source lost events; 0: unknown how many. */
  gap(lost: number, place: string): void;
  /** No event follows. */
  end(): void;
}

/** A user's request that this trace cannot meet soundly; the message says what stands against it and what to do. */
export class EditError extends Error {}
