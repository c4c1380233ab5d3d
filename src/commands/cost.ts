/** `vgic-replay cost`: instructions that the compiled C code would take, predicted from counted operations; time if calibrated. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { InputError, UsageError } from '../base/errors.js';
import { type Calibration, parseCalibration, timeOf } from '../cost/calibration.js';
import { countsOfCell } from '../cost/counts.js';
import { boundLongestCalls } from '../cost/longest-call.js';
import { LOCK_MODES, type LockMode } from '../cost/native.js';
import { predict } from '../cost/predict.js';
import { strategiesFor } from '../replay/create-model.js';
import { replayTrace } from '../replay/replay.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { type CostCell, describePredictions } from './cost-text.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { openInput } from './inputs.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly strategy?: ChosenStrategy[];
  readonly locks: LockMode;
  readonly calibration?: string;
  readonly flavour?: string;
  readonly json?: boolean;
  readonly allowTruncated?: boolean;
}

export function registerCost(program: Command, terminal: Terminal): void {
  program
    .command('cost')
    .description('predict the instructions that the compiled Linux 6.1 code takes on traces, by function group')
    .argument('<traces...>', '.vgt files, or anything import reads')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option('--locks <kind>', 'locks of the compiled code: noop or lock (real, uncontended)', parseLocks, 'lock')
    .option('--calibration <file>', 'also time: a file of calibrate, or calibration/x86-64-epyc.json')
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--json', 'print JSON instead of text')
    .option('--allow-truncated', 'replay what is left of a file that was cut off')
    .action(async (paths: string[], options: Options) => {
      const calibration = options.calibration === undefined ? null : readCalibration(options.calibration);
      const cells: CostCell[] = [];
      for (const path of paths) cells.push(...(await predictTrace(path, options, calibration)));
      if (options.json === true)
        terminal.out(JSON.stringify({ schema: 'vgic-replay/cost/1', tool, calibration, cells }, null, 2));
      else terminal.out(describePredictions(cells, calibration, terminal.width));
    });
}

function parseLocks(text: string): LockMode {
  const locks = LOCK_MODES.find((mode) => mode === text);
  if (locks === undefined) throw new UsageError(`--locks must be ${LOCK_MODES.join(' or ')}, not '${text}'`);
  return locks;
}

async function predictTrace(path: string, options: Options, calibration: Calibration | null): Promise<CostCell[]> {
  const input = await openInput(path, options);
  try {
    const source = input.open();
    const chosen = strategiesFor(source.header.machine, options.strategy);
    return replayTrace(source, chosen, input.identity).map((exact) => {
      const counts = countsOfCell(exact);
      const prediction = predict(counts, options.locks);
      return {
        trace: exact.trace.name,
        sha256: exact.trace.sha256,
        flavour: exact.trace.machine.flavour,
        strategy: exact.strategy.id,
        events: exact.trace.events,
        entries: counts.paths.flush.calls,
        stopped: exact.stopped,
        prediction,
        longest: boundLongestCalls(counts, options.locks),
        time: calibration === null ? null : timeOf(prediction, counts, calibration),
      };
    });
  } finally {
    input.close();
  }
}

const shippedFolder = new URL('../../../calibration/', import.meta.url);

/** A file, or one that comes with the package where there is no such file here. Throws InputError. */
function readCalibration(path: string): Calibration {
  const shipped = new URL(basename(path), shippedFolder);
  const file = !existsSync(path) && path.startsWith('calibration/') ? shipped : path;
  const remedy = 'make one with "vgic-replay calibrate", or see calibration/README.md';
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(path, 'file', error instanceof Error ? error.message : String(error), remedy);
  }
  try {
    return parseCalibration(text);
  } catch (error) {
    throw new InputError(path, 'calibration', error instanceof Error ? error.message : String(error), remedy);
  }
}
