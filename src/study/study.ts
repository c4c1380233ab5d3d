/**
 * A study answers the question of one mailing-list thread with counted figures: the record that the `study` verb prints and
 * the report shows. Everything in it is computed, exact, and the same on every machine.
 */

/** A string is text, a number is grouped, null is absent. */
export type StudyCell = string | number | null;

export interface StudyTable {
  readonly caption: string;
  readonly columns: readonly string[];
  /** The first so many cells of a row name it. */
  readonly rowHeads: number;
  readonly rows: readonly (readonly StudyCell[])[];
}

/** Curves with a logarithmic y axis; x is logarithmic too where it spans a decade. */
export interface StudyChart {
  /** Kebab-case, unique among all studies. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in one or two sentences, computed from the same figures. */
  readonly finding: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly xs: readonly number[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export interface Study {
  readonly id: string;
  /** The system, in a few words. */
  readonly title: string;
  /** The question in a few words: over the first sentence of the answer it stands in the verdict. */
  readonly topic: string;
  /** Subject of the thread. */
  readonly thread: string;
  readonly question: string;
  /** Two sentences, made from the figures below. */
  readonly answer: readonly [string, string];
  readonly chart: StudyChart | null;
  readonly tables: readonly StudyTable[];
  /** What the figures leave out, one sentence each. */
  readonly limits: readonly string[];
}

export interface StudyOptions {
  readonly seed: number;
}

export interface StudyKind {
  readonly id: string;
  readonly title: string;
  run(options: StudyOptions): Study;
}
