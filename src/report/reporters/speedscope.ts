/**
 * Modelled steps as a profile for speedscope.app: weights without a unit. From calls: one profile a vCPU (and host), in the order of
 * the trace, with the event that asked for the work over the path that did it. From stored cells: one profile a cell, paths over
 * what they counted. Format: speedscope's file-format-spec.ts.
 */
import { actorName, type CallRecord } from '../../replay/call-record.js';
import { type CellResult, METRIC_NAMES, PATH_NAMES } from '../../replay/result.js';
import { nameCells } from './cell-figures.js';
import type { Reporter } from './reporter.js';

interface Sampled {
  readonly type: 'sampled';
  readonly name: string;
  readonly unit: 'none';
  readonly startValue: number;
  readonly endValue: number;
  readonly samples: readonly (readonly number[])[];
  readonly weights: readonly number[];
}

interface Stack {
  readonly frames: readonly string[];
  readonly weight: number;
}

/** Numbers of frames by name, in the order in which they come up. */
function createFrames(): { readonly names: string[]; indexOf(name: string): number } {
  const names: string[] = [];
  const known = new Map<string, number>();
  return {
    names,
    indexOf(name) {
      const index = known.get(name) ?? names.length;
      if (index === names.length) {
        names.push(name);
        known.set(name, index);
      }
      return index;
    },
  };
}

function sampledProfile(name: string, stacks: readonly Stack[], indexOf: (frame: string) => number): Sampled {
  return {
    type: 'sampled',
    name,
    unit: 'none',
    startValue: 0,
    endValue: stacks.reduce((sum, { weight }) => sum + weight, 0),
    samples: stacks.map(({ frames }) => frames.map(indexOf)),
    weights: stacks.map(({ weight }) => weight),
  };
}

function document(named: readonly (readonly [name: string, stacks: readonly Stack[]])[]): string {
  const { names, indexOf } = createFrames();
  const profiles = named.map(([name, stacks]) => sampledProfile(name, stacks, indexOf));
  const file = {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    version: '0.0.1',
    name: 'vgic-replay, modelled steps',
    activeProfileIndex: 0,
    shared: { frames: names.map((name) => ({ name })) },
    profiles,
  };
  return `${JSON.stringify(file)}\n`;
}

/** What the profile calls the events of entry and exit; others are named as in JSON lines. */
const EVENT_WORDS: Readonly<Record<string, string>> = { flush: 'guest entry', sync: 'guest exit' };

function profilesOfCalls(record: CallRecord): (readonly [string, Stack[]])[] {
  const { trace, machine, strategy, work, eventsPerWindow } = record;
  const actors = [...new Set(work.map(({ actor }) => actor))].sort((a, b) => a - b);
  const vcpusFirst = [...actors.filter((actor) => actor >= 0), ...actors.filter((actor) => actor < 0)];
  const joined = eventsPerWindow === 1 ? '' : `, ${eventsPerWindow} events as one`;
  return vcpusFirst.map((actor) => [
    `${trace}/${machine.flavour}/${strategy}: ${actorName(actor)}${joined}`,
    work
      .filter((item) => item.actor === actor)
      .map(({ event, work: path, steps }) => ({
        frames: [`event ${EVENT_WORDS[event] ?? event}`, path],
        weight: steps,
      })),
  ]);
}

const stacksOfCell = ({ exact: { paths } }: CellResult): Stack[] =>
  PATH_NAMES.flatMap((path) =>
    METRIC_NAMES.filter((metric) => metric !== 'steps' && paths[path][metric].sum > 0).map((metric) => ({
      frames: [path, metric],
      weight: paths[path][metric].sum,
    })),
  );

export const speedscope: Reporter = {
  id: 'speedscope',
  summary: 'modelled steps as a flame graph, for speedscope.app',
  cells: ({ cells }) => document([...nameCells(cells)].map(([cell, name]) => [name, stacksOfCell(cell)])),
  calls: (records) => document(records.flatMap(profilesOfCalls)),
};
