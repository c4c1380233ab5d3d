/** The chapters as one Markdown page with its figures. The same data, the same bytes. */
import { renderTable } from '../report/markdown-document.js';
import type { Block, Chapter, Source } from './chapter.js';
import { FINDINGS_COMMAND } from './chapter.js';
import type { FindingsData } from './data.js';
import { describeHostileReach } from './hostile-reach.js';
import { describeLimits } from './limits.js';
import { describeListRegisters } from './list-registers.js';
import { describeMitigations } from './mitigations.js';
import { describePareto } from './pareto.js';
import { type Reach, withGuests } from './reach.js';
import { describeRecommendation } from './recommendation.js';
import { describeSortCost } from './sort-cost.js';
import { hashOfSet } from './trace-set.js';
import { describeUnsortable } from './unsortable.js';
import { describeWhoPays } from './who-pays.js';

export interface FindingsPage {
  readonly markdown: string;
  /** File name without the ending → SVG. */
  readonly figures: ReadonlyMap<string, string>;
}

/** Folder of the figures, as the page links to it. */
const FIGURES = 'findings';

/** `gate`: what the guests of the growth gate reach by themselves. */
const chaptersOf = (data: FindingsData, gate: Reach): Chapter[] => [
  describeListRegisters(data.recordings),
  describeSortCost(data),
  describeHostileReach(data, gate),
  describePareto(data),
  describeMitigations(data),
  describeUnsortable(data),
  describeWhoPays(data),
  describeRecommendation(data),
  describeLimits(data),
];

const renderSource = ({ command, of }: Source): string[] => [
  `<sub>\`${command}\`: ${of.replace(/\\/g, '\\\\')}.</sub>`,
  '',
];

function renderBlock(block: Block): string[] {
  switch (block.kind) {
    case 'text':
      return [block.text, ''];
    case 'list':
      return [...block.items.map((item) => `- ${item}`), ''];
    case 'table': {
      const lines = [...renderTable(block.table), ...renderSource(block.source)];
      if (block.isFolded !== true) return lines;
      return [`<details><summary>${block.table.caption}</summary>`, '', ...lines, '</details>', ''];
    }
    case 'figure':
      return [`![${block.alt}](${FIGURES}/${block.id}.svg)`, '', ...renderSource(block.source)];
  }
}

export function writeFindings(data: FindingsData): FindingsPage {
  const chapters = chaptersOf({ ...data, reach: withGuests(data.reach, data.catalogue) }, data.reach);
  const figures = new Map<string, string>();
  for (const { blocks } of chapters)
    for (const block of blocks) if (block.kind === 'figure') figures.set(block.id, block.svg);
  const lines = [
    '# How bad can a guest make it, and what bounds it',
    '',
    `Written by \`${FINDINGS_COMMAND}\` from the traces of this repository; every figure is counted, none is typed in. The question is that of the Xen new-VGIC thread ("ARM: new VGIC: Implement virtual IRQ injection", patch 22 of 49, February 2018): upstream sorts the list of pending interrupts at guest entry, and only when it does not fit the list registers; is that good enough against a hostile guest?`,
    '',
    '## In short',
    '',
    ...chapters.map(({ title, verdict }, at) => `${at + 1}. **${title}.** ${verdict}`),
    '',
  ];
  chapters.forEach(({ id, title, verdict, blocks }, at) => {
    lines.push(
      `<a id="${id}"></a>`,
      '',
      `## ${at + 1}. ${title}`,
      '',
      `**${verdict}**`,
      '',
      ...blocks.flatMap(renderBlock),
    );
  });
  lines.push(...renderTraces(data));
  return { markdown: `${lines.join('\n').trimEnd()}\n`, figures };
}

const renderTraces = ({ recordings }: FindingsData): string[] => [
  '<a id="traces"></a>',
  '',
  '## Traces',
  '',
  `sha256 of each, and of the list of all: \`${hashOfSet(recordings)}\` (\`sha256sum traces/recorded/*.vgt | sha256sum\`).`,
  '',
  '```',
  ...recordings.map(({ sha256, path }) => `${sha256}  ${path}`),
  '```',
  '',
];
