/**
 * JUnit XML as Jenkins' xunit plugin (junit-10.xsd) and GitLab read it: a test case a cell. No time stamp and no host name:
 * the same results give the same bytes, and nothing here knows when they were made.
 */
import { type CellComparison, type Comparison, VERDICTS, type Verdict } from '../../compare/comparison.js';
import type { CellResult } from '../../replay/result.js';
import { type CellStatus, nameCells, statusOf } from './cell-figures.js';
import { describeChanges } from './describe-changes.js';
import type { Reporter } from './reporter.js';

type Outcome = 'passed' | 'failure' | 'error' | 'skipped';

interface TestCase {
  readonly name: string;
  readonly outcome: Outcome;
  /** Word for the kind of outcome, and one sentence. */
  readonly type: string;
  readonly message: string;
  readonly lines: readonly string[];
}

interface Suite {
  readonly name: string;
  readonly cases: readonly TestCase[];
}

const OUTCOME_OF_STATUS: Readonly<Record<CellStatus['status'], Outcome>> = {
  ok: 'passed',
  stopped: 'passed',
  failed: 'failure',
  error: 'error',
};

const OUTCOME_OF_VERDICT: Readonly<Record<Verdict, Outcome>> = {
  regressed: 'failure',
  improved: 'passed',
  unchanged: 'passed',
  inconclusive: 'skipped',
  unfit: 'skipped',
  incomparable: 'error',
  error: 'error',
};

function caseOf(name: string, cell: CellResult): TestCase {
  const { status, reason } = statusOf(cell);
  return {
    name,
    outcome: OUTCOME_OF_STATUS[status],
    type: status,
    message: reason,
    lines: [...(reason === '' ? [] : [reason]), cell.exact.command],
  };
}

const caseOfComparison = (cell: CellComparison): TestCase => ({
  name: cell.cell,
  outcome: OUTCOME_OF_VERDICT[cell.verdict],
  type: cell.verdict,
  message: cell.reason,
  lines: [cell.reason, ...describeChanges(cell), cell.command],
});

function suitesOf(cells: readonly CellResult[]): Suite[] {
  const suites = new Map<string, TestCase[]>();
  for (const [cell, name] of nameCells(cells)) {
    const { trace } = cell.exact;
    const suite = `${trace.name} on ${trace.machine.flavour}`;
    suites.set(suite, [...(suites.get(suite) ?? []), caseOf(name, cell)]);
  }
  return [...suites].map(([name, cases]) => ({ name, cases }));
}

const suiteOfComparison = ({ a, b, cells }: Comparison): Suite => ({
  name: `${a.name} against ${b.name}`,
  cases: [...cells]
    .sort((one, other) => VERDICTS.indexOf(one.verdict) - VERDICTS.indexOf(other.verdict))
    .map(caseOfComparison),
});

/** Characters that XML 1.0 cannot hold, even escaped, become U+FFFD. */
const sound = (text: string): string =>
  text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');

const escaped = (text: string): string =>
  sound(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[\t\n\r]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const attributes = (pairs: Readonly<Record<string, string | number>>): string =>
  Object.entries(pairs)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('');

const body = (lines: readonly string[]): string => lines.map(escaped).join('\n');

function renderCase({ name, outcome, type, message, lines }: TestCase): string {
  const open = `  <testcase${attributes({ classname: 'vgic-replay', name })}>`;
  if (outcome === 'passed') return `${open}<system-out>${body(lines)}</system-out></testcase>\n`;
  return `${open}<${outcome}${attributes({ type, message })}>${body(lines)}</${outcome}></testcase>\n`;
}

function countsOf(cases: readonly TestCase[]) {
  const count = (outcome: Outcome): number => cases.filter((each) => each.outcome === outcome).length;
  return { tests: cases.length, failures: count('failure'), errors: count('error') };
}

function renderSuite({ name, cases }: Suite): string {
  const skipped = cases.filter(({ outcome }) => outcome === 'skipped').length;
  return ` <testsuite${attributes({ name, ...countsOf(cases), skipped })}>\n${cases.map(renderCase).join('')} </testsuite>\n`;
}

const document = (suites: readonly Suite[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes({
    name: 'vgic-replay',
    ...countsOf(suites.flatMap(({ cases }) => cases)),
  })}>\n${suites.map(renderSuite).join('')}</testsuites>\n`;

export const junit: Reporter = {
  id: 'junit',
  summary: 'JUnit XML, for the test pages of Jenkins and GitLab',
  cells: ({ cells }) => document(suitesOf(cells)),
  comparison: (comparison) => document([suiteOfComparison(comparison)]),
};
