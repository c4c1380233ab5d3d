/** Test support: a comparison with a cell of every verdict. Its names hold what formats must escape. */
import {
  type CellComparison,
  COMPARISON_SCHEMA,
  type Comparison,
  type TimeComparison,
  VERDICTS,
} from '../../compare/comparison.js';

export const makeTime = (figures: Partial<TimeComparison> = {}): TimeComparison => ({
  verdict: 'regressed',
  reason: 'Slower by more than 2 %.',
  ratio: 1.05,
  low: 1.03,
  high: 1.07,
  minRatio: 1.04,
  control: 1.001,
  p: 0.001,
  holmP: 0.004,
  delta: 0.02,
  floor: 0.01,
  smallestDetectable: 0.015,
  screenBlocks: 10,
  confirmBlocks: 20,
  samples: { a: [10, 10.5, 11], b: [10.5, 11.25, 12], control: [10, 10.5, 11] },
  ...figures,
});

export const makeCellComparison = (figures: Partial<CellComparison> = {}): CellComparison => ({
  cell: 'ipi-4/kvm-6.1/hybrid:threshold=32',
  verdict: 'regressed',
  reason: 'flush/steps/max grew from 12 to 15: 25 % more, and "why" is <not> said.',
  changes: [
    {
      counter: 'flush/steps/max',
      before: 12,
      after: 15,
      beforeAt: { event: 400, vcpu: 1 },
      afterAt: { event: 3100, vcpu: 0 },
    },
    { counter: 'lrDigest', before: '00ff00ff', after: '12345678', beforeAt: null, afterAt: null },
    { counter: 'harm/lost', before: null, after: 2, beforeAt: null, afterAt: null },
  ],
  counters: 180,
  time: makeTime(),
  command: 'vgic-replay compare main ./new,build: --only ipi-4',
  ...figures,
});

export function makeComparison(cells?: readonly CellComparison[]): Comparison {
  const ofVerdict = VERDICTS.map(
    (verdict, at): CellComparison =>
      verdict === 'regressed'
        ? makeCellComparison()
        : makeCellComparison({
            cell: `trace-${at}/kvm-7.2/fifo`,
            verdict,
            reason: `Because it is ${verdict}.`,
            changes: [],
            time: null,
          }),
  );
  return {
    schema: COMPARISON_SCHEMA,
    tool: { name: 'vgic-replay', version: '0.1.0' },
    command: 'vgic-replay compare main .',
    seed: 1,
    a: { name: 'main', kind: 'build', commit: '0123456789abcdef', isDirty: false },
    b: { name: '.', kind: 'build', commit: 'fedcba9876543210', isDirty: true },
    cells: cells ?? [...ofVerdict].reverse(),
  };
}
