/**
 * `check --self-test`: can this gate fail, and is it green where nothing changed? Copies of the build, one as it is and one
 * with each fault, are put through the gate as anybody would. Exact, so never flaky; `time` also tries the clock.
 */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_OK, EXIT_REGRESSION, FidelityError } from '../base/errors.js';
import { plural } from '../base/number-format.js';
import type { CheckRecord } from './check.js';
import { ownBuild } from './injected-build.js';
import { withScratch } from './scratch.js';
import { copyBuild, type Fault, injectFault, ONE_COMPARISON, ONE_WALK } from './self-test-builds.js';
import { testTimes } from './self-test-times.js';
import type { Terminal } from './terminal.js';

export const SELF_TESTS = ['exact', 'time'] as const;
export type SelfTest = (typeof SELF_TESTS)[number];

/** What a try of the gate must come to. */
interface Trial {
  readonly what: string;
  readonly fault: Fault | null;
  readonly layers: string;
  readonly strategies: string;
  /** Null: green. Otherwise: is this what the gate should have found? */
  readonly finds: ((record: CheckRecord) => boolean) | null;
}

const TRACE = 'self-test.vgt';
/** Lists longer than the list registers, so that sort-on-flush sorts. */
const WORKLOAD = 'deep:depth=48,churn=4,events=4000';
const FLAVOUR = 'kvm-6.1';

const changedIn =
  (strategy: string, counter: string): NonNullable<Trial['finds']> =>
  ({ cells }) => {
    const changed = cells.filter(({ verdict }) => verdict === 'regressed');
    return (
      changed.length === 1 &&
      changed[0].cell.endsWith(`/${strategy}`) &&
      changed[0].changes.some((change) => change.counter === counter)
    );
  };

const TRIALS: readonly Trial[] = [
  { what: 'the same build again', fault: null, layers: '0,1', strategies: 'sort-on-flush,buckets', finds: null },
  {
    what: 'one comparison more at each entry under sort-on-flush',
    fault: ONE_COMPARISON,
    layers: '0',
    strategies: 'sort-on-flush,buckets',
    finds: changedIn('sort-on-flush', 'flush/comparisons/max'),
  },
  {
    what: 'one walk over the list more at each entry under buckets',
    fault: ONE_WALK,
    layers: '1',
    strategies: 'buckets',
    finds: ({ outcome }) => outcome.length === 1 && /flush grows with exponent/.test(outcome[0].reason),
  },
];

export async function selfTest(which: SelfTest, terminal: Terminal): Promise<void> {
  const lines = await withScratch('vgic-self-test', terminal, async (scratch, signal) => [
    ...(await testExact(scratch, signal)),
    ...(which === 'time' ? await testTimes(scratch, signal) : []),
  ]);
  terminal.out(lines.map(({ isRight, text }) => `self-test: ${isRight ? 'ok' : 'NOT OK'}: ${text}`).join('\n'));
  const wrong = lines.filter(({ isRight }) => !isRight);
  if (wrong.length > 0)
    throw new FidelityError(
      `check --self-test: ${plural(wrong.length, 'trial')} of ${lines.length} not as it must be, the first: ${wrong[0].text}`,
    );
}

export interface TrialLine {
  readonly isRight: boolean;
  readonly text: string;
}

async function testExact(scratch: string, signal: AbortSignal): Promise<TrialLine[]> {
  const work = join(scratch, 'work');
  mkdirSync(work);
  await runCli(ownBuild, work, ['gen', WORKLOAD, '-o', TRACE], signal);
  const begun = await runCli(ownBuild, work, [...gateOf(TRIALS[0], '0'), '--baseline-missing', 'create'], signal);
  if (begun.code !== EXIT_OK) return [{ isRight: false, text: `no baseline could be made: ${begun.err}` }];
  return Promise.all(TRIALS.map((trial, at) => tryGate(trial, join(scratch, `build-${at}`), work, signal)));
}

const gateOf = ({ strategies }: Trial, layers: string): string[] => [
  ...['check', TRACE, '--layers', layers, '--strategy', strategies, '--flavour', FLAVOUR],
  ...['--baseline', 'baseline.json', '--jobs', '1'],
];

async function tryGate(trial: Trial, build: string, work: string, signal: AbortSignal): Promise<TrialLine> {
  const { what, fault, layers, finds } = trial;
  copyBuild(build);
  if (fault !== null) injectFault(build, fault);
  const { code, out, err } = await runCli(build, work, [...gateOf(trial, layers), '--json'], signal);
  if (finds === null) {
    const isRight = code === EXIT_OK;
    return { isRight, text: `${what}: ${isRight ? 'green' : `exit ${code}, ${err}`}` };
  }
  const isRight = code === EXIT_REGRESSION && finds(JSON.parse(out) as CheckRecord);
  const said = err.replace(/^vgic-replay: check: /, '');
  return { isRight, text: `${what}: ${isRight ? `found: ${said}` : `exit ${code}, ${said || 'nothing was found'}`}` };
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** In the scratch folder, where no settings of the user lie. */
function runCli(build: string, cwd: string, args: readonly string[], signal: AbortSignal): Promise<Ran> {
  const cli = join(build, 'dist', 'src', 'cli.js');
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...args],
      { cwd, encoding: 'utf8', maxBuffer: 1 << 28, signal },
      (error, out, err) => {
        const code = error === null ? EXIT_OK : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, out, err: err.trim() });
      },
    );
  });
}
