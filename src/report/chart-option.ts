/** ChartSpec → ECharts option. Colours are CSS variables of the page. */
import type { EChartsCoreOption } from 'echarts/core';
import { formatDecimal, formatInteger } from '../base/number-format.js';
import type { BandChart, BarChart, ChartSpec, CurveChart, DotChart, SeriesStyle, TrendChart } from './chart-spec.js';

/** Sizes in CSS pixels. The narrow drawing is for phones: scaling the wide one down would make its text unreadable. */
export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

export type ChartWidth = 'wide' | 'narrow';
const WIDTHS: Readonly<Record<ChartWidth, number>> = { wide: 760, narrow: 344 };

const INK = 'var(--ink)';
const SOFT_INK = 'var(--ink-soft)';
const RULE = 'var(--rule)';
const FONT_SIZE = 12;
const ROW_HEIGHT = 26;
const LABEL_HEIGHT = 14;
const LABEL_ROWS = 3;
const DOTS_TOP = 10;
const DOTS_BOTTOM = 44;
const TREND_MARK_EVERY = 10;

export function chartSize(spec: ChartSpec, width: ChartWidth): ChartSize {
  const height = spec.form === 'dots' ? DOTS_TOP + DOTS_BOTTOM + ROW_HEIGHT * Math.max(2, spec.categories.length) : 340;
  return { width: WIDTHS[width], height };
}

export function chartOption(spec: ChartSpec, width: ChartWidth): EChartsCoreOption {
  const base = { animation: false, textStyle: { fontSize: FONT_SIZE, color: SOFT_INK } };
  switch (spec.form) {
    case 'dots':
      return { ...base, ...dotOption(spec, width) };
    case 'curves':
      return { ...base, ...curveOption(spec, width) };
    case 'bars':
      return { ...base, ...barOption(spec, width) };
    case 'band':
      return { ...base, ...bandOption(spec, width) };
    case 'trend':
      return { ...base, ...trendOption(spec, width) };
  }
}

const axisLabel = { color: SOFT_INK, fontSize: FONT_SIZE };
const axisRules = {
  axisLine: { lineStyle: { color: SOFT_INK } },
  axisTick: { lineStyle: { color: SOFT_INK } },
  splitLine: { lineStyle: { color: RULE } },
  axisLabel,
};
const nameBelow = (name: string, gap = 28): object => ({
  name,
  nameLocation: 'middle',
  nameGap: gap,
  nameTextStyle: { color: SOFT_INK, fontSize: FONT_SIZE },
});
/** The name of a y axis stands above it, to the left edge: turned text is hard to read. */
const nameAbove = (name: string, left: number): object => ({
  name,
  nameLocation: 'end',
  nameGap: 12,
  nameTextStyle: { color: SOFT_INK, fontSize: FONT_SIZE, align: 'left', padding: [0, 0, 0, -left + 8] },
});

const lineStyle = ({ colour, dash }: SeriesStyle, width: number): object => ({ color: colour, type: dash, width });
const powerOfTenBelow = (value: number): number => 10 ** Math.floor(Math.log10(value) + 1e-9);
const powerOfTenAbove = (value: number): number => 10 ** Math.ceil(Math.log10(value) - 1e-9);
const shortNumber = (value: number): string =>
  value >= 1e9
    ? `${formatDecimal(value / 1e9)}G`
    : value >= 1e6
      ? `${formatDecimal(value / 1e6)}M`
      : value >= 1e4
        ? `${formatDecimal(value / 1e3)}k`
        : formatDecimal(value);

/**
 * Bounds of a logarithmic axis: whole decades around the positive values, at least one decade. `interval` in decades: on
 * ten or more the library would mark both ends and nothing between.
 */
function decades(values: readonly number[]): { min: number; max: number; interval: number } {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return { min: 1, max: 10, interval: 1 };
  const min = powerOfTenBelow(Math.min(...positive));
  const max = Math.max(min * 10, powerOfTenAbove(Math.max(...positive)));
  return { min, max, interval: Math.ceil(Math.log10(max / min) / 9 - 1e-9) };
}

function dotOption(spec: DotChart, width: ChartWidth): EChartsCoreOption {
  const isRatio = spec.scale === 'ratio';
  // A ratio axis is linear in log2, because log axes of the library only mark whole powers of ten.
  const place = (value: number): number => (isRatio ? Math.log2(value) : value);
  const all = spec.series.flatMap(({ values, intervals }) => [
    ...values,
    ...(intervals ?? []).flatMap((pair) => pair ?? []),
  ]);
  const drawn = all.filter((value): value is number => value !== null && value > 0);
  const logs = drawn.map((value) => Math.log2(value));
  // At least from half to double: a difference of some per cent must not look like a gulf.
  const least = Math.min(-1, ...logs.map((log) => Math.floor(log + 1e-9)));
  const most = Math.max(1, ...logs.map((log) => Math.ceil(log - 1e-9)));
  const left = width === 'wide' ? 190 : 116;
  const step = Math.max(1, Math.ceil((most - least) / (width === 'wide' ? 12 : 6)));
  // Whole steps away from 0, so that the mark of equality always has its label.
  const range = isRatio
    ? { min: step * Math.floor(least / step), max: step * Math.ceil(most / step) }
    : { min: 1, max: Math.max(10, decades(drawn).max) };
  const maxima = spec.categories.map((_, row) => Math.max(0, ...spec.series.map(({ values }) => values[row] ?? 0)));
  return {
    grid: { left, right: spec.hasRowMaximum ? 64 : 24, top: DOTS_TOP, bottom: DOTS_BOTTOM },
    xAxis: {
      type: isRatio ? 'value' : 'log',
      ...range,
      ...(isRatio ? { interval: step } : {}),
      ...nameBelow(spec.axis),
      ...axisRules,
      axisLabel: { ...axisLabel, formatter: isRatio ? ratioLabel : shortNumber, hideOverlap: true },
    },
    yAxis: {
      type: 'category',
      data: [...spec.categories],
      inverse: true,
      axisLine: { lineStyle: { color: SOFT_INK } },
      axisTick: { show: false },
      splitLine: { show: true, lineStyle: { color: RULE } },
      axisLabel: { ...axisLabel, color: INK, width: left - 16, overflow: 'truncate', interval: 0 },
    },
    series: [
      ...(spec.hasRowMaximum
        ? [
            {
              type: 'bar',
              data: maxima.map((value) => (value > 0 ? value : null)),
              barWidth: 4,
              itemStyle: { color: 'var(--rule-strong)' },
              label: {
                show: true,
                position: 'right',
                distance: 12,
                color: INK,
                fontSize: FONT_SIZE,
                formatter: ({ value }: { value: number }) => formatInteger(value),
              },
              silent: true,
            },
          ]
        : []),
      ...(isRatio ? [{ type: 'scatter', data: [], markLine: verticalMarks([{ x: 0, label: '' }]), silent: true }] : []),
      ...spec.series.flatMap(({ name, style, values, intervals }) => [
        ...(intervals ?? []).flatMap((pair, row) =>
          pair
            ? [
                {
                  type: 'line',
                  symbol: 'none',
                  lineStyle: lineStyle({ ...style, dash: 'solid' }, 3),
                  data: pair.map((end) => [place(end), row]),
                  silent: true,
                },
              ]
            : [],
        ),
        {
          type: 'scatter',
          name,
          symbol: style.shape,
          symbolSize: 11,
          itemStyle: { color: style.colour, opacity: 1 },
          data: values.flatMap((value, row) => (value !== null && value > 0 ? [[place(value), row]] : [])),
          z: 3,
        },
      ]),
    ],
  };
}

const ratioLabel = (log2: number): string => (log2 === 0 ? 'equal' : log2 > 0 ? `×${2 ** log2}` : `÷${2 ** -log2}`);

const verticalMarks = (marks: CurveChart['marks']): object => ({
  silent: true,
  symbol: 'none',
  lineStyle: { color: INK, type: [3, 3], width: 1 },
  data: marks.map(({ x, label }, index) => ({
    xAxis: x,
    label: {
      show: label !== '',
      formatter: label,
      color: INK,
      fontSize: FONT_SIZE,
      position: 'end',
      offset: [0, -LABEL_HEIGHT * (index % LABEL_ROWS)],
    },
  })),
});

function curveOption(spec: CurveChart, width: ChartWidth): EChartsCoreOption {
  const left = width === 'wide' ? 62 : 52;
  const yRange = decades(spec.series.flatMap(({ values }) => values));
  const marked = spec.series.length - 1;
  // Labels of neighbouring marks stand in rows above each other, below the name of the axis.
  const labelRows = Math.min(LABEL_ROWS, spec.marks.length);
  return {
    grid: { left, right: 24, top: 36 + labelRows * LABEL_HEIGHT, bottom: 48 },
    xAxis: {
      ...(spec.xScale === 'log10'
        ? { type: 'log', ...decades(spec.xs) }
        : { type: 'value', min: Math.min(...spec.xs), max: Math.max(...spec.xs), minInterval: 1 }),
      ...nameBelow(spec.xAxis),
      ...axisRules,
      axisLabel: { ...axisLabel, formatter: shortNumber },
    },
    yAxis: {
      type: 'log',
      ...yRange,
      ...nameAbove(spec.yAxis, left),
      nameGap: 14 + labelRows * LABEL_HEIGHT,
      ...axisRules,
      axisLabel: { ...axisLabel, formatter: shortNumber },
    },
    series: spec.series.map(({ name, style, values }, index) => ({
      type: 'line',
      name,
      symbol: style.shape,
      symbolSize: 8,
      lineStyle: lineStyle(style, 2),
      itemStyle: { color: style.colour },
      // The first series is the reference of the question: it stays on top.
      z: 3 + spec.series.length - index,
      data: spec.xs.flatMap((x, point) => (x > 0 && values[point] > 0 ? [[x, values[point]]] : [])),
      ...(index === marked && spec.marks.length > 0 ? { markLine: verticalMarks(spec.marks) } : {}),
    })),
  };
}

function barOption(spec: BarChart, width: ChartWidth): EChartsCoreOption {
  const left = 52;
  const isCrowded = spec.categories.length * spec.series.length > (width === 'wide' ? 18 : 6);
  return {
    grid: { left, right: 16, top: 44, bottom: 52 },
    xAxis: {
      type: 'category',
      data: [...spec.categories],
      ...nameBelow(spec.xAxis, 30),
      ...axisRules,
      splitLine: { show: false },
      axisLabel: { ...axisLabel, interval: 0, rotate: width === 'narrow' && spec.categories.length > 6 ? 60 : 0 },
      ...(width === 'narrow' && spec.categories.length > 6 ? { nameGap: 56 } : {}),
    },
    ...(width === 'narrow' && spec.categories.length > 6 ? { grid: { left, right: 16, top: 44, bottom: 78 } } : {}),
    yAxis: {
      type: 'value',
      min: 0,
      max: 100,
      ...nameAbove(spec.yAxis, left),
      ...axisRules,
      axisLabel: { ...axisLabel, formatter: '{value} %' },
    },
    series: spec.series.map(({ name, style, percents }) => ({
      type: 'bar',
      name,
      barMaxWidth: 44,
      barGap: '12%',
      itemStyle: style.shape.startsWith('empty')
        ? { color: 'var(--surface)', borderColor: style.colour, borderWidth: 2 }
        : { color: style.colour },
      data: percents.map((percent) => (percent === 0 ? null : percent)),
      label: {
        show: !isCrowded,
        position: 'top',
        color: INK,
        fontSize: 11,
        formatter: ({ value }: { value: number }) => barLabel(value),
      },
    })),
  };
}

const barLabel = (percent: number): string =>
  percent < 0.1 ? '<0.1' : percent < 10 ? percent.toFixed(1) : percent.toFixed(0);

function bandOption(spec: BandChart, width: ChartWidth): EChartsCoreOption {
  const left = width === 'wide' ? 62 : 48;
  const xs = spec.bins.map(({ x }) => x);
  // A bin is a stretch, not a point: its right edge is drawn too, and a missing bin breaks the line.
  const edges = (pick: (bin: BandChart['bins'][number]) => number): (readonly [number, number | null])[] =>
    spec.bins.flatMap((bin, index) => {
      const end = bin.x + spec.binWidth;
      const next = spec.bins[index + 1];
      const points: (readonly [number, number | null])[] = [
        [bin.x, pick(bin)],
        [end, pick(bin)],
      ];
      if (next && next.x - end > spec.binWidth / 2) points.push([end, null]);
      return points;
    });
  const shape = { type: 'line', symbol: 'none', connectNulls: false, silent: true };
  return {
    grid: { left, right: 20, top: 44, bottom: 48 },
    xAxis: {
      type: 'value',
      min: xs[0] ?? 0,
      max: (xs[xs.length - 1] ?? 0) + spec.binWidth,
      ...nameBelow(spec.xAxis),
      ...axisRules,
      splitLine: { show: false },
      axisLabel: { ...axisLabel, formatter: shortNumber, hideOverlap: true, showMaxLabel: false },
    },
    yAxis: {
      type: 'value',
      min: 0,
      minInterval: 1,
      ...nameAbove(spec.yAxis, left),
      ...axisRules,
      axisLabel: { ...axisLabel, formatter: shortNumber },
    },
    series: [
      { ...shape, stack: 'band', lineStyle: { width: 0 }, data: edges(({ min }) => min) },
      {
        ...shape,
        stack: 'band',
        lineStyle: { width: 0 },
        areaStyle: { color: 'var(--s0)', opacity: 0.3 },
        data: edges(({ min, max }) => max - min),
      },
      {
        ...shape,
        lineStyle: { color: 'var(--s0)', width: 2 },
        data: edges(({ mean }) => mean),
        markLine: {
          silent: true,
          symbol: 'none',
          lineStyle: { color: INK, type: [3, 3], width: 1 },
          label: { formatter: spec.limit.label, color: INK, fontSize: FONT_SIZE, position: 'insideEndTop' },
          data: [{ yAxis: spec.limit.y }],
        },
      },
    ],
  };
}

/** At least from 90 to 110 %, so that noise of a per cent looks like what it is. */
function trendOption(spec: TrendChart, width: ChartWidth): EChartsCoreOption {
  const left = width === 'wide' ? 62 : 52;
  const percents = spec.series.flatMap(({ points }) => points.map(([, percent]) => percent));
  const labelRows = Math.min(LABEL_ROWS, spec.marks.length);
  const last = spec.series.length - 1;
  return {
    grid: { left, right: 24, top: 36 + labelRows * LABEL_HEIGHT, bottom: 48 },
    xAxis: {
      type: 'value',
      min: 1,
      max: Math.max(2, spec.runs),
      minInterval: 1,
      ...nameBelow(spec.xAxis),
      ...axisRules,
      splitLine: { show: false },
      axisLabel: { ...axisLabel, formatter: shortNumber, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      min: Math.min(90, 10 * Math.floor(Math.min(...percents) / 10)),
      max: Math.max(110, 10 * Math.ceil(Math.max(...percents) / 10)),
      ...nameAbove(spec.yAxis, left),
      nameGap: 14 + labelRows * LABEL_HEIGHT,
      ...axisRules,
      axisLabel: { ...axisLabel, formatter: '{value} %' },
    },
    series: spec.series.map(({ style, points }, index) => ({
      type: 'line',
      symbol: style.shape,
      symbolSize: 5,
      lineStyle: lineStyle(style, 2),
      itemStyle: { color: style.colour },
      silent: true,
      // A mark here and there tells the lines apart; one at each point would be most of the page.
      data: points.map((value, at) => (at % TREND_MARK_EVERY === index ? value : { value, symbol: 'none' })),
      ...(index === last && spec.marks.length > 0 ? { markLine: verticalMarks(spec.marks) } : {}),
    })),
  };
}
