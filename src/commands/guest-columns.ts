/** Second table of `replay`: what a guest can do to the host, and what a strategy does to the guest. */
import { formatDecimal, formatInteger } from '../base/number-format.js';
import type { ExactPart, SectionFigures } from '../replay/result.js';
import { sectionNamed } from '../replay/sections.js';
import type { Column } from './cost-table.js';

export function guestColumns(cells: readonly ExactPart[]): Column[] {
  const column = (head: string, cell: (exact: ExactPart) => string, isNumber = true): Column => ({
    head,
    isNumber,
    cells: cells.map(cell),
  });
  return [
    column('strategy', ({ strategy }) => strategy.id, false),
    column('interrupts off', describeLongest),
    column('steps/instr', ({ amplification: { steps, guestInstructions } }) =>
      guestInstructions === 0 ? '-' : formatDecimal(steps / guestInstructions),
    ),
    column('dearest', ({ amplification: { worstWindow } }) =>
      worstWindow === null ? '-' : formatInteger(worstWindow.steps),
    ),
    column('inversions', ({ harm }) => formatInteger(harm.inversions.entries)),
    column('wait', ({ harm }) => formatInteger(harm.waiting.longest)),
    column('lost', ({ harm }) => formatInteger(harm.lost)),
  ];
}

/** "flush 20,947": the section with the most steps in one stretch. */
function describeLongest({ sections }: ExactPart): string {
  const stretches = sections.filter(({ id }) => sectionNamed(id).interrupts === 'off');
  let longest: SectionFigures | undefined;
  for (const section of stretches) {
    if (sectionNamed(section.id).isPartOf === null && section.steps.max > (longest?.steps.max ?? 0)) longest = section;
  }
  return longest === undefined ? '-' : `${longest.id} ${formatInteger(longest.steps.max)}`;
}
