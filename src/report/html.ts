/** The report as one HTML file: no network, no framework, static SVG charts, light and dark. */
import { createHash } from 'node:crypto';
import { formatInteger } from '../base/number-format.js';
import { describeBars, drawBars } from './bars.js';
import type { MarkShape, SeriesStyle } from './chart-spec.js';
import { chartLegend } from './chart-spec.js';
import { drawChart } from './chart-svg.js';
import type { Block, ChartBlock, ReportDocument, Section, Table, TableCell, TableColumn } from './document.js';
import { Html, html } from './html-template.js';
import { hashExactPart } from './json.js';
import type { ReportModel } from './model.js';
import { PAGE_SCRIPT, PAGE_STYLE } from './page-style.js';
import { composeReport } from './sections.js';
import { TAGS } from './verdict-trust.js';

/** Same model, same bytes. Throws UserError if the model contradicts itself (`checkModel`). */
export function renderHtml(model: ReportModel): string {
  const exactSha256 = hashExactPart(model);
  const { name, version } = model.tool;
  return renderPage(composeReport(model, exactSha256), `${name} ${version}. Exact part sha256 ${exactSha256}.`);
}

/** A document as a page with a line at its end. */
export function renderPage(report: ReportDocument, footer: string): string {
  const policy = [
    "default-src 'none'",
    `style-src '${policyHash(PAGE_STYLE)}'`,
    `script-src '${policyHash(PAGE_SCRIPT)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${report.title}</title>
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<a class="skip" href="#verdict">Skip to the verdict</a>
<div class="page">
<header>
<h1>${report.title}</h1>
<p class="sub">${report.subtitle}</p>
<nav aria-label="Sections"><ul>${report.sections.map(({ id, title, short = title }) => html`<li><a href="#${id}">${short}</a></li>`)}</ul></nav>
</header>
<main>
${report.sections.map(renderSection)}
</main>
<footer>${footer}</footer>
</div>
<div id="said" class="quiet" role="status"></div>
<script>${new Html(PAGE_SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

const policyHash = (source: string): string => `sha256-${createHash('sha256').update(source).digest('base64')}`;

const renderSection = ({ id, title, blocks }: Section): Html =>
  html`<section id="${id}" tabindex="-1" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${blocks.map(renderBlock)}</section>
`;

function renderBlock(block: Block): Html {
  switch (block.kind) {
    case 'text':
      return html`<p>${block.text}</p>\n`;
    case 'lead':
      return html`<p class="lead">${block.text}</p>\n`;
    case 'verdicts':
      return html`<ul class="verdicts">${block.verdicts.map(
        ({ topic, text, tone, section }) =>
          html`<li class="${tone}"><h3>${TAGS[tone] !== '' && html`<span class="tag">${TAGS[tone]}</span>`}${section === undefined ? topic : html`<a href="#${section}">${topic}</a>`}</h3><p>${text}</p></li>\n`,
      )}</ul>\n`;
    case 'table':
      return renderTable(block.table);
    case 'details':
      return html`<details><summary>${block.summary}</summary>${block.blocks.map(renderBlock)}</details>\n`;
    case 'terms':
      return html`<dl>${block.terms.map(([term, meaning]) => html`<dt>${term}</dt><dd>${meaning}</dd>\n`)}</dl>\n`;
    case 'chart':
      return renderChart(block);
  }
}

function renderChart({ id, title, finding, spec, table }: ChartBlock): Html {
  const legend = chartLegend(spec);
  // Drawn twice because text scaled down to a phone cannot be read; the style sheet shows one.
  const drawings = (['wide', 'narrow'] as const).map(
    (width) =>
      html`<div class="drawing ${width}" role="img" aria-label="${title}. ${finding}">${new Html(drawChart(spec, width, id))}</div>\n`,
  );
  return html`<figure id="chart-${id}"><figcaption><h3>${title}</h3><p>${finding}</p></figcaption>
${
  legend.length > 0 &&
  html`<ul class="legend" aria-label="Legend">${legend.map(
    ({ name, style, isLine }) => html`<li>${renderSample(style, isLine)}${name}</li>`,
  )}</ul>\n`
}${drawings}<details><summary>Table of this chart</summary>${renderTable(table)}</details></figure>
`;
}

const OUTLINES: Readonly<Record<string, string>> = {
  circle: 'M18 7a4 4 0 1 1-8 0a4 4 0 1 1 8 0Z',
  diamond: 'M14 2l4.5 5l-4.5 5l-4.5-5Z',
  triangle: 'M14 2.5l4.5 8.5h-9Z',
  rect: 'M10 3h8v8h-8Z',
};

/** A line and mark as they look in the chart, for the legend. */
function renderSample({ colour, shape, dash }: SeriesStyle, isLine: boolean): Html {
  const isEmpty = shape.startsWith('empty');
  const outline = OUTLINES[solidShape(shape)];
  return html`<svg width="28" height="14" aria-hidden="true">${
    isLine &&
    html`<path d="M0 7H28" stroke="${colour}" stroke-width="2" ${dash !== 'solid' && html`stroke-dasharray="${dash.join(' ')}"`}/>`
  }<path d="${outline}" stroke="${colour}" stroke-width="${isEmpty ? 2 : 0}" fill="${isEmpty ? 'var(--surface)' : colour}"/></svg>`;
}

const solidShape = (shape: MarkShape): string => (shape.startsWith('empty') ? shape.slice(5).toLowerCase() : shape);

/** Wide tables scroll inside their own box, which the keyboard can reach. */
function renderTable({ caption, columns, rows, rowHeads }: Table): Html {
  const head = renderHead(columns);
  const body = rows.map(
    (row) =>
      html`<tr>${row.map((cell, column) =>
        column < rowHeads ? html`<th scope="row">${renderCell(cell)}</th>` : renderDataCell(cell, columns[column]),
      )}</tr>\n`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption><span>${caption}</span></caption><thead>${head}</thead>
<tbody>${body}</tbody></table></div>
`;
}

/** Numbers are most of a page's bytes, so a plain cell is one. */
function renderDataCell(cell: TableCell, { isNumber }: TableColumn): Html {
  if (isNumber) return html`<td>${renderCell(cell)}</td>`;
  return html`<td class="${typeof cell === 'object' && cell !== null && !('alarm' in cell) ? 'm' : 't'}">${renderCell(cell)}</td>`;
}

const renderColumnHead = ({ head, isNumber }: TableColumn, rowspan: number): Html =>
  html`<th scope="col"${isNumber && html` class="n"`}${rowspan > 1 && html` rowspan="${rowspan}"`}>${head}</th>`;

/** One row of heads, or two where columns stand in groups. */
function renderHead(columns: readonly TableColumn[]): Html {
  if (columns.every(({ group }) => group === undefined)) {
    return html`<tr>${columns.map((column) => renderColumnHead(column, 1))}</tr>`;
  }
  const top: Html[] = [];
  for (let start = 0; start < columns.length; ) {
    const { group } = columns[start];
    let end = start + 1;
    while (group !== undefined && columns[end]?.group === group) end++;
    top.push(
      group === undefined
        ? renderColumnHead(columns[start], 2)
        : html`<th scope="colgroup" class="g" colspan="${end - start}">${group}</th>`,
    );
    start = end;
  }
  const below = columns.filter(({ group }) => group !== undefined).map((column) => renderColumnHead(column, 1));
  return html`<tr>${top}</tr><tr>${below}</tr>`;
}

function renderCell(cell: TableCell): Html | string {
  if (cell === null) return '–';
  if (typeof cell === 'number') return formatInteger(cell);
  if (typeof cell === 'string') return cell;
  if ('mono' in cell) return html`<code>${cell.mono}</code>`;
  if ('bars' in cell) return html`<span role="img" title="${describeBars(cell.bars)}">${drawBars(cell.bars)}</span>`;
  if ('alarm' in cell) return html`<strong class="alarm">${cell.alarm}</strong>`;
  return cell.code === '' ? '–' : html`<code data-copy>${cell.code}</code>`;
}
