/** What a chart shows, before anything is drawn. `chart-option.ts` turns it into an ECharts option. */

export type MarkShape =
  | 'circle'
  | 'diamond'
  | 'triangle'
  | 'rect'
  | 'emptyCircle'
  | 'emptyDiamond'
  | 'emptyTriangle'
  | 'emptyRect';

/** Colour and shape and dash together tell series apart, so colour alone never has to. */
export interface SeriesStyle {
  /** CSS variable of the page, e.g. "var(--s0)": one drawing serves both themes. */
  readonly colour: string;
  readonly shape: MarkShape;
  readonly dash: 'solid' | readonly number[];
}

/** One row a category, one mark a series: longest calls, ratios. */
export interface DotChart {
  readonly form: 'dots';
  readonly categories: readonly string[];
  /** 'log10': counts, 0 is not drawn. 'ratio': factors around 1 on a logarithmic scale. */
  readonly scale: 'log10' | 'ratio';
  readonly axis: string;
  readonly series: readonly {
    readonly name: string;
    readonly style: SeriesStyle;
    readonly values: readonly (number | null)[];
    /** Interval around each value, drawn as a whisker. */
    readonly intervals?: readonly (readonly [low: number, high: number] | null)[];
  }[];
  /** Prints the largest value of each row at its end. */
  readonly hasRowMaximum: boolean;
}

/** Curves with a logarithmic y axis. */
export interface CurveChart {
  readonly form: 'curves';
  readonly xAxis: string;
  /** 'linear': from the first to the last of `xs`. */
  readonly xScale: 'log10' | 'linear';
  readonly yAxis: string;
  readonly xs: readonly number[];
  readonly series: readonly {
    readonly name: string;
    readonly style: SeriesStyle;
    readonly values: readonly number[];
  }[];
  /** Vertical marks with a short label. */
  readonly marks: readonly { readonly x: number; readonly label: string }[];
}

/** Shares of a whole in per cent, side by side. */
export interface BarChart {
  readonly form: 'bars';
  readonly xAxis: string;
  readonly yAxis: string;
  readonly categories: readonly string[];
  readonly series: readonly {
    readonly name: string;
    readonly style: SeriesStyle;
    readonly percents: readonly number[];
  }[];
}

/** Mean with the band from smallest to largest value, over time. */
export interface BandChart {
  readonly form: 'band';
  readonly xAxis: string;
  readonly yAxis: string;
  readonly bins: readonly { readonly x: number; readonly min: number; readonly max: number; readonly mean: number }[];
  /** Width of a bin on the x axis. */
  readonly binWidth: number;
  /** Horizontal mark. */
  readonly limit: { readonly y: number; readonly label: string };
}

/** How series went over the runs of a history, each against its own beginning. */
export interface TrendChart {
  readonly form: 'trend';
  readonly xAxis: string;
  readonly yAxis: string;
  /** The x axis goes from 1 to this. */
  readonly runs: number;
  readonly series: readonly {
    readonly name: string;
    readonly style: SeriesStyle;
    /** Number of the run; value in per cent of where the series began. */
    readonly points: readonly (readonly [run: number, percent: number])[];
  }[];
  /** Vertical marks with a short label. */
  readonly marks: readonly { readonly x: number; readonly label: string }[];
}

export type ChartSpec = DotChart | CurveChart | BarChart | BandChart | TrendChart;

const NR_COLOURS = 8;
const SHAPES: readonly MarkShape[] = ['circle', 'diamond', 'triangle', 'rect'];
const EMPTY_SHAPES: readonly MarkShape[] = ['emptyCircle', 'emptyDiamond', 'emptyTriangle', 'emptyRect'];
const DASHES: readonly SeriesStyle['dash'][] = ['solid', [7, 4], [2, 3], [9, 3, 2, 3], [5, 2]];

/** Style number `index`; the first 40 differ in at least one of colour, shape and dash, neighbours in all three. */
export function seriesStyle(index: number): SeriesStyle {
  const shapes = Math.floor(index / NR_COLOURS) % 2 === 0 ? SHAPES : EMPTY_SHAPES;
  return {
    colour: `var(--s${index % NR_COLOURS})`,
    shape: shapes[index % shapes.length],
    dash: DASHES[index % DASHES.length],
  };
}

/** Names and styles for the legend; empty for a chart that needs none. */
export function chartLegend(
  spec: ChartSpec,
): { readonly name: string; readonly style: SeriesStyle; readonly isLine: boolean }[] {
  if (spec.form === 'band') return [];
  return spec.series.map(({ name, style }) => ({
    name,
    style,
    isLine: spec.form === 'curves' || spec.form === 'trend',
  }));
}
