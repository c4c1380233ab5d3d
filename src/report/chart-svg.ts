/** Draws a chart as static SVG text, on the server side of ECharts: no canvas, no page, no clock. */
import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { ChartWidth } from './chart-option.js';
import { chartOption, chartSize } from './chart-option.js';
import type { ChartSpec } from './chart-spec.js';

echarts.use([BarChart, LineChart, ScatterChart, GridComponent, MarkLineComponent, SVGRenderer]);

/** The `<svg>` element without a role or label; the caller wraps it. `id` keeps the clip paths of a page apart. */
export function drawChart(spec: ChartSpec, width: ChartWidth, id: string): string {
  const size = chartSize(spec, width);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption(chartOption(spec, width));
    return cleanSvg(chart.renderToSVGString(), `${id}-${width}`);
  } finally {
    chart.dispose();
  }
}

/**
 * Takes out what a static page does not need (hover styles, script hooks), what would differ between two drawings of
 * the same chart in one process (numbered ids), and inline style attributes, which the page's policy forbids.
 */
export function cleanSvg(svg: string, id: string): string {
  return svg
    .replace(/<style[^>]*>.*?<\/style>/gs, '')
    .replace(/<svg [^>]*?viewBox="([^"]*)"[^>]*>/, '<svg viewBox="$1" focusable="false" aria-hidden="true">')
    .replace(/<rect [^>]*fill="none"[^>]*><\/rect>/, '')
    .replace(/ (?:class|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
    .replace(/ style="([^"]*)"/g, (_, style: string) => {
      const size = /font-size:\s*([\d.]+)px/.exec(style)?.[1];
      const weight = /font-weight:\s*(\w+)/.exec(style)?.[1];
      return `${size && size !== '12' ? ` font-size="${size}"` : ''}${weight && weight !== 'normal' ? ` font-weight="${weight}"` : ''}`;
    })
    .replace(/zr\d+-(c\d+)/g, `${id}-$1`)
    .replace(/fill="#fff"/g, 'fill="var(--surface)"')
    .replace(/\n/g, '');
}
