/** The verbs put together, and what each way to end is as an exit code and a line on stderr. */
import { Command, CommanderError, Help } from 'commander';
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE, UserError } from '../base/errors.js';
import { type Terminal, tool } from './terminal.js';

const EXIT_CODES = `
Exit codes: 0 done; 1 internal error; 2 usage; 3 regression; 4 input that is
broken or unreadable, output that cannot be written; 5 a declared or recorded
fact does not hold; 6 a declared worst case or a budget was exceeded; 7 nothing
could be decided (--strict); 130 interrupted.

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
    ['--shard 3/8 -o out', 'one part of eight, for merge'],
    ['run.jsonl', 'stored results, as a report'],
  ],
  merge: [
    ['run-*-of-8.jsonl', 'into run.jsonl'],
    ['shards/*/run-*.jsonl -o all.jsonl', 'of a CI matrix'],
  ],
  replay: [
    ['my.vgt', 'every strategy'],
    ['my.vgt -s fifo,hybrid:threshold=32', 'these two'],
    ['my.vgt -s ./mine.js,fifo', 'one of your own'],
    ['*.vgt -r csv > costs.csv', 'for other tools'],
    ['my.vgt -r perfetto=my.pftrace', 'a timeline'],
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
    ['trace.txt -o my.vgt', 'of ftrace, trace-cmd or perf'],
    ['host.pftrace -o my.vgt', 'Perfetto'],
    ['events.jsonl -o my.vgt', 'events as JSON lines'],
    ['- -o my.vgt < trace.txt.gz', 'from a pipe'],
  ],
  convert: [
    ['my.vgt --from 2s --to 3s -o part.vgt', 'a slice, in its true state'],
    ['a.vgt b.vgt -o both.vgt', 'merged by time'],
    ['my.vgt --split vcpu -o parts', 'one trace a vCPU'],
    ['my.vgt --redact -o share.vgt.gz', 'for a bug report'],
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
  profile: [
    ['my.vgt', 'where the time goes'],
    ['my.vgt -s buckets --seconds 10', 'longer, another strategy'],
    ['my.vgt --clinic flame,doctor', 'and pages of clinic'],
  ],
  check: [
    ['', 'the shipped traces'],
    ['*.vgt --baseline-missing create', 'yours, for a start'],
    ['*.vgt', 'yours: 3 if one moved'],
    ['*.vgt --accept --reason faster', 'that was meant'],
    ['*.vgt --shard 1/8 -o run-1.jsonl', 'a part of it'],
    ['run-*.jsonl', 'all parts, judged'],
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
  history: [
    ['add report.json', 'a line more in .vgic-history.jsonl'],
    ['show --cell boot', 'first, last and course of each series'],
    ['detect --since 1a2b3c4', 'what changed after that commit'],
  ],
  strategies: [
    ['', 'text'],
    ['--json', 'for other tools'],
  ],
};

type Register = (program: Command, terminal: Terminal) => void;

interface Verb {
  /** As its usage line has them; the list of verbs is shown without loading any. */
  readonly args: string;
  /** Heading it stands under in the help. */
  readonly group: string;
  /** A line of the help; the verb's own help says more. */
  readonly summary: string;
  readonly load: () => Promise<Register>;
}

/** In the order of the help; a command line loads the file of its own verb alone. */
const VERBS: Readonly<Record<string, Verb>> = {
  report: {
    args: '[options] [traces...]',
    group: 'Every day:',
    summary: 'every strategy on recordings, as a report',
    load: async () => (await import('./report.js')).registerReport,
  },
  replay: {
    args: '[options] <traces...>',
    group: 'Every day:',
    summary: 'what each strategy costs on traces, by path',
    load: async () => (await import('./replay.js')).registerReplay,
  },
  import: {
    args: '[options] <source>',
    group: 'Every day:',
    summary: 'make a trace of a recording',
    load: async () => (await import('./import.js')).registerImport,
  },
  convert: {
    args: '[options] <traces...>',
    group: 'Every day:',
    summary: 'part, join, split, share or repack traces',
    load: async () => (await import('./convert.js')).registerConvert,
  },
  info: {
    args: '[options] <trace>',
    group: 'Every day:',
    summary: 'what is in a trace',
    load: async () => (await import('./info.js')).registerInfo,
  },
  gen: {
    args: '[options] [workload]',
    group: 'Every day:',
    summary: 'make a trace of a generated or hostile guest',
    load: async () => (await import('./gen.js')).registerGen,
  },
  check: {
    args: '[options] [traces...]',
    group: 'Every day:',
    summary: 'the gate: has anything become slower',
    load: async () => (await import('./check.js')).registerCheck,
  },
  compare: {
    args: '[options] <a> <b> [traces...]',
    group: 'Every day:',
    summary: 'two results, builds, strategies or traces',
    load: async () => (await import('./compare.js')).registerCompare,
  },
  strategies: {
    args: '[options] [id]',
    group: 'Every day:',
    summary: 'the ap_list strategies and what they promise',
    load: async () => (await import('./strategies.js')).registerStrategies,
  },
  verify: {
    args: '[options] <traces...>',
    group: 'Is the model the real thing:',
    summary: 'recordings against the list registers recorded',
    load: async () => (await import('./verify.js')).registerVerify,
  },
  validate: {
    args: '[options] <traces...>',
    group: 'Is the model the real thing:',
    summary: 'is a trace sound',
    load: async () => (await import('./validate.js')).registerValidate,
  },
  conform: {
    args: '[options] [files...]',
    group: 'Is the model the real thing:',
    summary: 'scenarios put to the model of each flavour',
    load: async () => (await import('./conform.js')).registerConform,
  },
  contract: {
    args: '[options] <strategy> [traces...]',
    group: 'Is the model the real thing:',
    summary: 'does a strategy keep its word',
    load: async () => (await import('./contract.js')).registerContract,
  },
  explore: {
    args: '[options] [model]',
    group: 'Is the model the real thing:',
    summary: 'every interleaving of small concurrent models',
    load: async () => (await import('./explore.js')).registerExplore,
  },
  study: {
    args: '[options] [ids...]',
    group: 'Is the model the real thing:',
    summary: 'questions of mailing-list threads, answered',
    load: async () => (await import('./study.js')).registerStudy,
  },
  attack: {
    args: '[options]',
    group: 'Hostile guests:',
    summary: 'search for the worst guest of each strategy',
    load: async () => (await import('./attack.js')).registerAttack,
  },
  minimize: {
    args: '[options] <file>',
    group: 'Hostile guests:',
    summary: 'the shortest program of a finding',
    load: async () => (await import('./minimize.js')).registerMinimize,
  },
  rank: {
    args: '[options] [findings...]',
    group: 'Hostile guests:',
    summary: 'every finding under every strategy',
    load: async () => (await import('./rank.js')).registerRank,
  },
  growth: {
    args: '[options]',
    group: 'Hostile guests:',
    summary: 'how the longest call grows with the list',
    load: async () => (await import('./growth.js')).registerGrowth,
  },
  findings: {
    args: '[options]',
    group: 'Hostile guests:',
    summary: 'what follows from all of it, as a page',
    load: async () => (await import('./findings.js')).registerFindings,
  },
  bench: {
    args: '[options] <traces...>',
    group: 'Measuring:',
    summary: 'wall-clock time of strategies',
    load: async () => (await import('./bench.js')).registerBench,
  },
  doctor: {
    args: '[options]',
    group: 'Measuring:',
    summary: 'what times tell apart on this machine',
    load: async () => (await import('./doctor.js')).registerDoctor,
  },
  profile: {
    args: '[options] <trace>',
    group: 'Measuring:',
    summary: 'where the time of a replay goes',
    load: async () => (await import('./profile.js')).registerProfile,
  },
  cost: {
    args: '[options] <traces...>',
    group: 'Measuring:',
    summary: 'instructions of the compiled code, predicted',
    load: async () => (await import('./cost.js')).registerCost,
  },
  calibrate: {
    args: '[options] <log>',
    group: 'Measuring:',
    summary: 'times of a machine, from kvm-unit-tests',
    load: async () => (await import('./calibrate.js')).registerCalibrate,
  },
  history: {
    args: '',
    group: 'Measuring:',
    summary: 'results over time and where they changed',
    load: async () => (await import('./history.js')).registerHistory,
  },
  merge: {
    args: '[options] <runs...>',
    group: 'Many machines:',
    summary: 'the shards of a run, as one',
    load: async () => (await import('./merge.js')).registerMerge,
  },
};

function describeExamples(verb: string): string {
  const commands = EXAMPLES[verb].map(([args]) => `  vgic-replay ${verb} ${args}`);
  const width = Math.max(...commands.map(({ length }) => length)) + 2;
  const lines = commands.map((command, at) => command.padEnd(width) + EXAMPLES[verb][at][1]);
  return ['', 'Examples:', ...lines].join('\n');
}

/** The verb that a command line names: its first word, or the one after "help". What begins with an option names none. */
function namedVerb(args: readonly string[]): string | undefined {
  const words = args[0] === '--' ? args.slice(1) : args;
  const word = words[0] === 'help' ? words[1] : words[0];
  return word !== undefined && Object.hasOwn(VERBS, word) ? word : undefined;
}

/** With the verb that `args` name, or, where they name none, what the help says of all verbs; writing to `terminal`. */
async function createProgram(args: readonly string[], terminal: Terminal): Promise<Command> {
  const program = new Command();
  program
    .name('vgic-replay')
    .description(
      'Replays recorded Arm virtual-interrupt traces through a model of the virtual GIC and compares ap_list strategies.',
    )
    .version(tool.version)
    .addHelpText('after', EXIT_CODES);
  const named = namedVerb(args);
  if (named === undefined) for (const verb of Object.keys(VERBS)) program.command(verb);
  else (await VERBS[named].load())(program, terminal);
  const { subcommandTerm } = new Help();
  program.configureHelp({
    subcommandTerm: (command) =>
      Object.hasOwn(VERBS, command.name())
        ? `${command.name()} ${VERBS[command.name()].args}`.trimEnd()
        : subcommandTerm(command),
  });
  program.hook('preAction', async (_, command) => {
    const chosen = command.getOptionValue('strategy');
    if (chosen === undefined) return;
    const { loadChosen } = await import('./strategy-files.js');
    command.setOptionValue('strategy', await loadChosen(chosen, terminal));
  });
  for (const command of program.commands) {
    const { group, summary } = VERBS[command.name()];
    command.helpGroup(group).summary(summary).addHelpText('after', describeExamples(command.name()));
  }
  for (const command of [program, ...program.commands.flatMap((verb) => [verb, ...verb.commands])]) {
    const help = `${fullName(command)} --help`;
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) => write(`vgic-replay: ${joinLines(text)}; see "${help}"`),
    });
  }
  return program;
}

/** "vgic-replay history add". */
const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

/** An error of the option parser, which may have a suggestion on a second line, as one line. */
const joinLines = (text: string): string =>
  text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.?\n/g, ' ');

/** Runs one command line (without the program's own name) and returns the exit code. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = await createProgram(args, terminal);
    await program.parseAsync([...args], { from: 'user' });
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
