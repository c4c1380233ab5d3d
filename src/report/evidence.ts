/** What else than recordings shows that the model is the real thing: plain data, gathered by the commands. */

/** Scenarios whose values the original code of the flavour gave, put to the model in this run. */
export interface ScenarioEvidence {
  readonly flavour: string;
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
  /** Why some were not run, and how many for each reason. */
  readonly reasons: readonly { readonly reason: string; readonly scenarios: number }[];
  /** The scenarios that failed, each with its first difference. */
  readonly failures: readonly string[];
}

/** Event files with the list registers that the compiled C code of the hypervisor filled, replayed in this run. */
export interface GoldenEvidence {
  readonly flavour: string;
  readonly files: number;
  /** One line a guest entry. */
  readonly lines: number;
  readonly identical: number;
  /** Files with a difference. */
  readonly differing: readonly string[];
}

/** Random machines and events, the model against a second one after every event: the record of an earlier run. */
export interface FuzzEvidence {
  readonly flavour: string;
  readonly machines: number;
  readonly events: number;
  readonly differences: number;
  readonly seed: number;
  readonly version: string;
  readonly date: string;
}

/**
 * Random ITS configurations saved and restored to what they were, and images changed in one way restored to what the
 * specification says: the record of an earlier run, which exists only if all were right.
 */
export interface ItsImageEvidence {
  readonly flavour: string;
  readonly configurations: number;
  readonly mutants: number;
  readonly seed: number;
  readonly version: string;
  readonly date: string;
}

export interface Evidence {
  /** Every flavour of the model, in its order. */
  readonly flavours: readonly { readonly id: string; readonly models: string }[];
  readonly scenarios: readonly ScenarioEvidence[];
  /** Null: the files are not shipped with the package. */
  readonly golden: GoldenEvidence | null;
  /** Null: no run is recorded. */
  readonly fuzz: readonly FuzzEvidence[] | null;
  /** Null: no run is recorded. */
  readonly itsImages: readonly ItsImageEvidence[] | null;
}
