/** The verbs put together, and what each way to end is as an exit code and a line on stderr. */
import { Command, CommanderError } from 'commander';
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE, UserError } from '../base/errors.js';
import { registerAttack } from './attack.js';
import { registerBench } from './bench.js';
import { registerCalibrate } from './calibrate.js';
import { registerCheck } from './check.js';
import { registerCompare } from './compare.js';
import { registerConform } from './conform.js';
import { registerContract } from './contract.js';
import { registerCost } from './cost.js';
import { registerDoctor } from './doctor.js';
import { registerExplore } from './explore.js';
import { registerFindings } from './findings.js';
import { registerGen } from './gen.js';
import { registerGrowth } from './growth.js';
import { registerImport } from './import.js';
import { registerInfo } from './info.js';
import { registerMinimize } from './minimize.js';
import { registerRank } from './rank.js';
import { registerReplay } from './replay.js';
import { registerReport } from './report.js';
import { registerStrategies } from './strategies.js';
import { loadChosen } from './strategy-files.js';
import { registerStudy } from './study.js';
import { type Terminal, tool } from './terminal.js';
import { registerValidate } from './validate.js';
import { registerVerify } from './verify.js';

const EXIT_CODES = `
Exit codes: 0 done; 1 internal error; 2 usage; 3 regression; 4 input that is
broken or unreadable, output that cannot be written; 5 a declared or recorded
fact does not hold; 6 a declared worst case was exceeded; 130 interrupted.

Start here:
  vgic-replay report                       the shipped recordings, as a report
  vgic-replay import trace.txt -o my.vgt   make a trace of an ftrace recording
  vgic-replay replay my.vgt                what each strategy costs on it
  vgic-replay verify my.vgt                does the model match the kernel?
  vgic-replay study doorbell               a question of a mailing list, answered

Each verb has options and examples: vgic-replay <verb> --help`;

/** Verb → [arguments, what that does]; lines of at most 80 columns. */
const EXAMPLES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  report: [
    ['', 'the shipped recordings'],
    ['my.vgt -o out', 'yours, into out/report.html'],
    ['a.vgt b.vgt -s fifo,buckets', 'two traces, two strategies'],
  ],
  replay: [
    ['my.vgt', 'every strategy'],
    ['my.vgt -s fifo,hybrid:threshold=32', 'these two'],
    ['my.vgt -s ./mine.js,fifo', 'one of your own'],
    ['*.vgt -r csv > costs.csv', 'for other tools'],
    ['my.vgt --dump-lrs - | head', 'LRs at each guest entry'],
    ['my.vgt --check', 'also the invariants'],
    ['events.jsonl', 'events written by hand'],
  ],
  verify: [
    ['my.vgt', 'L3; exit 5 if the model is at fault'],
    ['my.vgt --check', 'also the invariants'],
    ['*.vgt --show 0', 'many, without the single mismatches'],
    ['my.vgt --json', 'the full record'],
  ],
  conform: [
    ['', 'the shipped scenarios'],
    ['--flavour kvm-7.2,xen-old', 'these two'],
    ['mine.json', 'exit 5 if the model differs'],
    ['mine.json --json', 'each difference as data'],
  ],
  explore: [
    ['', 'all models'],
    ['doorbell-lock', 'with counterexamples'],
    ['queue:retarget-no-retry -o lost.vgt', 'one variant, saved'],
    ['--schedule lost.vgt', 'take its steps again'],
  ],
  import: [
    ['recording/ -o my.vgt', 'trace.txt[.gz], meta.json, acks'],
    ['trace.txt -o my.vgt', 'ftrace, or "trace-cmd report"'],
    ['events.jsonl -o my.vgt', 'events as JSON lines'],
    ['- -o my.vgt < trace.txt.gz', 'from a pipe'],
  ],
  gen: [
    ['', 'list the workloads'],
    ['net --seed 7 -o net.vgt', 'one of them'],
    ['deep:depth=99,churn=4 -o x.vgt', 'with parameters'],
    ['attack:never-ack --n 256 -o x.vgt', 'a hostile guest'],
  ],
  info: [
    ['my.vgt', 'text'],
    ['my.vgt --json', 'for other tools'],
  ],
  attack: [
    ['', 'a minute, every strategy on kvm-6.1'],
    ['-s hybrid --attacker mmio,lpis', 'a guest with an ITS'],
    ['--evaluations 100000 --seed 7', 'the same result everywhere'],
    ['--resume attack.json --budget 5m', 'go on'],
  ],
  minimize: [
    ['attack.json', 'findings into traces/attacks'],
    ['finding.json -o mine --share 99', 'one, nearly as bad'],
  ],
  rank: [
    ['', 'all that are known'],
    ['mine/*.json -s buckets,hybrid', 'yours'],
    ['--reporter md > rank.md', 'as a table for a page'],
  ],
  validate: [['*.vgt', 'exit 4 if one of them is broken']],
  bench: [
    ['my.vgt --quick', 'a first look'],
    ['my.vgt -s fifo,buckets', 'two strategies, and a control'],
  ],
  check: [
    ['', 'the shipped traces'],
    ['*.vgt --baseline-missing create', 'yours, for a start'],
    ['*.vgt', 'yours: 3 if one moved'],
    ['*.vgt --accept --reason faster', 'that was meant'],
  ],
  compare: [
    ['HEAD~1 .', 'the last commit, and what is built here'],
    ['old.json new.json', 'two results, counter by counter'],
    ['sort-on-flush buckets my.vgt', 'two strategies'],
    ['v1 v2 my.vgt --no-time', 'two builds, exact counters alone'],
  ],
  doctor: [
    ['', 'what times tell apart here'],
    ['--json', 'for other tools'],
  ],
  study: [
    ['', 'all threads'],
    ['its --json', 'one, for other tools'],
  ],
  findings: [['--out reports', 'the page, its figures and data']],
  contract: [
    ['./mine.js', 'does it keep its word?'],
    ['./mine.js --events 2000000', 'ten times as long'],
    ['./mine.js failure.jsonl', 'these events alone'],
    ['buckets --flavour xen-new', 'a built-in one, one flavour'],
  ],
  growth: [
    ['', 'all of them'],
    ['-s buckets --flavour kvm-7.2', 'one of each'],
    ['-s buckets --full --json', 'every depth, for other tools'],
  ],
  cost: [
    ['my.vgt', 'by function group'],
    ['my.vgt -s top-k --locks noop', 'one strategy'],
    ['my.vgt --calibration mine.json', 'and time'],
  ],
  calibrate: [['micro-bench.log -o mine.json', 'a log of kvm-unit-tests']],
  strategies: [
    ['', 'text'],
    ['--json', 'for other tools'],
  ],
};

function describeExamples(verb: string): string {
  const commands = EXAMPLES[verb].map(([args]) => `  vgic-replay ${verb} ${args}`);
  const width = Math.max(...commands.map(({ length }) => length)) + 2;
  const lines = commands.map((command, at) => command.padEnd(width) + EXAMPLES[verb][at][1]);
  return ['', 'Examples:', ...lines].join('\n');
}

/** All verbs, writing to `terminal`. */
function createProgram(terminal: Terminal): Command {
  const program = new Command();
  program
    .name('vgic-replay')
    .description(
      'Replays recorded Arm virtual-interrupt traces through a model of the virtual GIC and compares ap_list strategies.',
    )
    .version(tool.version)
    .addHelpText('after', EXIT_CODES);
  for (const register of [
    registerReport,
    registerReplay,
    registerVerify,
    registerConform,
    registerExplore,
    registerImport,
    registerGen,
    registerInfo,
    registerValidate,
    registerAttack,
    registerMinimize,
    registerRank,
    registerBench,
    registerCheck,
    registerCompare,
    registerDoctor,
    registerCost,
    registerCalibrate,
    registerContract,
    registerStrategies,
    registerStudy,
    registerFindings,
    registerGrowth,
  ]) {
    register(program, terminal);
  }
  program.hook('preAction', async (_, command) => {
    const chosen = command.getOptionValue('strategy');
    if (chosen !== undefined) command.setOptionValue('strategy', await loadChosen(chosen, terminal));
  });
  for (const command of program.commands) command.addHelpText('after', describeExamples(command.name()));
  for (const command of [program, ...program.commands]) {
    const help = command === program ? 'vgic-replay --help' : `vgic-replay ${command.name()} --help`;
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) => write(`vgic-replay: ${joinLines(text)}; see "${help}"`),
    });
  }
  return program;
}

/** An error of the option parser, which may have a suggestion on a second line, as one line. */
const joinLines = (text: string): string =>
  text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.?\n/g, ' ');

/** Runs one command line (without the program's own name) and returns the exit code. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await createProgram(terminal).parseAsync([...args], { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    if (error instanceof UserError) {
      terminal.err(`vgic-replay: ${error.message}`);
      return error.exitCode;
    }
    terminal.err(
      `vgic-replay: internal error; please report it with the command and the input\n${error instanceof Error ? error.stack : String(error)}`,
    );
    return EXIT_INTERNAL;
  }
}
