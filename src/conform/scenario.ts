/**
 * Scenario files: JSON of `{ schema, scenarios }`, read strictly. Whatever a runner could not honour is an error, never
 * ignored: an expectation that nobody checks looks like one that holds.
 */
import { InputError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import { type GicModel, MAX_NR_LR, MAX_SPIS, MAX_VCPUS } from '../gic/intid.js';
import { commandNames } from './perform-its.js';
import { registerNames } from './registers.js';
import { type Fields, fieldProblem, LR_FIELDS, STEPS, type StepShape } from './steps.js';

export const SCHEMA_VERSION = 1;
/** Key of `expect` that stands for every flavour of the scenario. */
const EVERY_FLAVOUR = '*';

export type Expected = Readonly<Record<string, unknown>>;

export interface Step {
  /** Counted from 1. */
  readonly index: number;
  readonly op: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** What the step must show on that flavour, or undefined: nothing is checked. */
  expectedOn(flavour: string): Expected | undefined;
}

export interface ScenarioMachine {
  readonly model: GicModel;
  readonly nrVcpus: number;
  readonly nrSpis: number;
  readonly nrLr: number;
}

export interface Scenario {
  readonly file: string;
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** Ids of gic/flavour. */
  readonly flavours: readonly string[];
  readonly machine: ScenarioMachine;
  /** A scenario of the ITS, or one with a step that needs it. */
  readonly needsIts: boolean;
  readonly steps: readonly Step[];
}

type Json = Readonly<Record<string, unknown>>;

/** Where in a file a value stands: what an error message names. */
interface Place {
  readonly file: string;
  readonly at: string;
}

const fail = ({ file, at }: Place, what: string, remedy: string): InputError =>
  new InputError(file, printable(at), printable(what), printable(remedy));
const README = 'see traces/conformance/README.md';

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function requireObject(value: unknown, place: Place, name: string): Json {
  if (!isObject(value)) throw fail(place, `${name} is not an object`, README);
  return value;
}

function requireList(value: unknown, place: Place, name: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw fail(place, `${name} is not a list with entries`, README);
  return value;
}

function requireText(value: unknown, place: Place, name: string): string {
  if (typeof value !== 'string' || value === '') throw fail(place, `${name} is not a string`, `give it a ${name}`);
  return value;
}

function requireCount(value: unknown, place: Place, name: string, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    const range = `a whole number from ${least} to ${most}`;
    throw fail(place, `${name} is ${JSON.stringify(value)}`, `make it ${range}`);
  }
  return value as number;
}

/** The scenarios of a file's text. Throws InputError: file, scenario and step, what is wrong, what to do. */
export function parseScenarios(file: string, text: string): Scenario[] {
  const place = { file, at: 'byte 0' };
  const root = requireObject(parseJson(file, text), place, 'the content');
  if (isObject(root.schema) && root.schema.version !== SCHEMA_VERSION) {
    const found = JSON.stringify(root.schema.version);
    throw fail(place, `schema version ${found}`, `this program reads version ${SCHEMA_VERSION}`);
  }
  const scenarios = requireList(root.scenarios, place, '"scenarios"').map((raw, at) =>
    parseScenario(requireObject(raw, { file, at: `scenario ${at + 1}` }, 'the scenario'), {
      file,
      at: `scenario ${at + 1}`,
    }),
  );
  const seen = new Set<string>();
  for (const { id } of scenarios) {
    if (seen.has(id)) throw fail({ file, at: `scenario ${id}` }, 'the id is used twice', 'rename one of the two');
    seen.add(id);
  }
  return scenarios;
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = { file, at: 'byte 0' };
    throw fail(place, `not JSON (${(error as Error).message})`, 'correct it, or name a scenario file');
  }
}

function parseScenario(raw: Json, numbered: Place): Scenario {
  const id = requireText(raw.id, numbered, 'id');
  if (printable(id) !== id) throw fail(numbered, `control characters in the id ${id}`, 'rename it');
  const place = { file: numbered.file, at: `scenario ${id}` };
  refuseUnknown(raw, ['id', 'title', 'why', 'flavours', 'config', 'steps'], place, 'field');
  const config = requireObject(raw.config, place, 'config');
  const machine = parseMachine(config, place);
  const named = requireList(raw.flavours, place, 'flavours').map((name) => requireFlavour(name, place));
  const { nrVcpus } = machine;
  const steps = requireList(raw.steps, place, 'steps').map((step, at) =>
    parseStep(requireObject(step, place, `step ${at + 1}`), at + 1, named, nrVcpus, place),
  );
  const fatal = steps.findIndex(({ op }) => op === 'expectFatal');
  if (fatal >= 0 && fatal !== steps.length - 1)
    throw fail(stepPlace(place, fatal + 1, 'expectFatal'), 'not the last step', 'remove the steps behind it');
  return {
    file: place.file,
    id,
    title: raw.title === undefined ? '' : requireText(raw.title, place, 'title'),
    why: raw.why === undefined ? '' : requireText(raw.why, place, 'why'),
    flavours: named,
    machine,
    needsIts: config.kind === 'its' || steps.some(({ op }) => STEPS[op].needsIts),
    steps,
  };
}

function requireFlavour(name: unknown, place: Place): string {
  const known = flavours.map(({ id }) => id);
  if (!known.includes(name as string))
    throw fail(place, `unknown flavour ${JSON.stringify(name)}`, `use one of ${known.join(', ')}`);
  return name as string;
}

const MODELS: Readonly<Record<string, GicModel>> = {
  'gicv2 on gicv2': 'gicv2',
  'gicv2 on gicv3': 'gicv2-on-gicv3',
  'gicv3 on gicv3': 'gicv3',
};
const MAX_V2_VCPUS = 8;
const MAX_V3_LRS = 16;

/** Scenarios of the ITS need not say more of their machine than its vCPUs. */
const ITS_MACHINE = { model: 'gicv3', nrSpis: 64, nrLr: 4 } as const;

function parseMachine(config: Json, place: Place): ScenarioMachine {
  refuseUnknown(config, ['kind', 'guestModel', 'hostGic', 'vcpus', 'spis', 'nrLr', 'map'], place, 'field of config');
  if (config.kind === 'its') {
    const { model, nrSpis, nrLr } = ITS_MACHINE;
    const { guestModel = model, hostGic = model, spis = nrSpis, nrLr: lrs = nrLr } = config;
    if (guestModel !== model || hostGic !== model)
      throw fail(
        place,
        `no machine with an ITS has guestModel on hostGic ${guestModel} on ${hostGic}`,
        'leave both out',
      );
    return {
      model,
      nrVcpus: requireCount(config.vcpus, place, 'config.vcpus', 1, MAX_VCPUS),
      nrSpis: requireCount(spis, place, 'config.spis', 0, MAX_SPIS),
      nrLr: requireCount(lrs, place, 'config.nrLr', 1, MAX_V3_LRS),
    };
  }
  if (config.kind !== 'vgic')
    throw fail(place, `config.kind is ${JSON.stringify(config.kind)}`, 'make it "vgic" or "its"');
  const pair = `${config.guestModel} on ${config.hostGic}`;
  const model = Object.hasOwn(MODELS, pair) ? MODELS[pair] : undefined;
  if (model === undefined)
    throw fail(place, `no machine has guestModel on hostGic ${pair}`, `use one of: ${Object.keys(MODELS).join(', ')}`);
  return {
    model,
    nrVcpus: requireCount(config.vcpus, place, 'config.vcpus', 1, model === 'gicv3' ? MAX_VCPUS : MAX_V2_VCPUS),
    nrSpis: config.spis === undefined ? 64 : requireCount(config.spis, place, 'config.spis', 0, MAX_SPIS),
    nrLr: requireCount(config.nrLr, place, 'config.nrLr', 1, model === 'gicv2' ? MAX_NR_LR : MAX_V3_LRS),
  };
}

function refuseUnknown(raw: Json, known: readonly string[], place: Place, what: string): void {
  const stranger = Object.keys(raw).find((key) => !known.includes(key));
  if (stranger !== undefined) throw fail(place, `unknown ${what} '${stranger}'`, `remove it, or ${README}`);
}

const stepPlace = ({ file, at }: Place, index: number, op: string): Place => ({
  file,
  at: `${at} step ${index} (${op})`,
});

function parseStep(raw: Json, index: number, named: readonly string[], nrVcpus: number, scenario: Place): Step {
  const { op, expect, ...args } = raw;
  const place = stepPlace(scenario, index, String(op));
  if (typeof op !== 'string' || !Object.hasOwn(STEPS, op)) {
    throw fail(place, `unknown kind of step ${JSON.stringify(op)}`, `use one of ${Object.keys(STEPS).join(', ')}`);
  }
  const shape = STEPS[op];
  checkFields(args, { ...shape.params, ...shape.optional }, nrVcpus, place, 'parameter');
  const missing = Object.keys(shape.params).find((name) => args[name] === undefined);
  if (missing !== undefined) throw fail(place, `parameter '${missing}' is missing`, 'add it');
  checkRegister(op, args, place);
  if (op === 'itsCmd' && !commandNames.includes(args.cmd as string))
    throw fail(place, `unknown command ${JSON.stringify(args.cmd)}`, `use one of ${commandNames.join(', ')}`);
  const expectations = expect === undefined ? {} : requireObject(expect, place, 'expect');
  for (const [flavour, fields] of Object.entries(expectations))
    checkExpected(requireObject(fields, place, `expect of ${flavour}`), flavour, shape, named, nrVcpus, place);
  return {
    index,
    op,
    args,
    expectedOn(flavour) {
      const [common, own] = [expectations[EVERY_FLAVOUR], expectations[flavour]] as (Expected | undefined)[];
      return common !== undefined && own !== undefined ? { ...common, ...own } : (own ?? common);
    },
  };
}

function checkFields(raw: Json, types: Fields, nrVcpus: number, place: Place, what: string): void {
  refuseUnknown(raw, Object.keys(types), place, what);
  for (const [name, value] of Object.entries(raw)) {
    const problem = fieldProblem(types[name], value, nrVcpus);
    if (problem !== undefined) throw fail(place, `${what} '${name}' ${problem}`, 'correct it');
  }
}

function checkRegister(op: string, { reg, len, value }: Json, place: Place): void {
  if (op !== 'mmioWrite' && op !== 'mmioRead') return;
  if (!registerNames.includes(reg as string))
    throw fail(place, `unknown register ${JSON.stringify(reg)}`, `use one of ${registerNames.join(', ')}`);
  if (value !== undefined && BigInt(value as string) >> (8n * BigInt(len as number)) !== 0n)
    throw fail(place, `value ${value} does not fit ${len} bytes`, 'correct len or value');
}

/** `flavour`: a key of `expect`; its fields must be ones that every flavour it stands for can answer. */
function checkExpected(
  fields: Json,
  flavour: string,
  shape: StepShape,
  named: readonly string[],
  nrVcpus: number,
  place: Place,
): void {
  if (flavour !== EVERY_FLAVOUR && !named.includes(flavour))
    throw fail(place, `expect names '${flavour}', which the scenario does not list`, `use ${named.join(', ')} or *`);
  const who = flavour === EVERY_FLAVOUR ? named : [flavour];
  const isTwoLists = (id: string): boolean => flavourNamed(id).structure === 'two-lists';
  const kinds: Fields[] = [];
  if (who.some((id) => !isTwoLists(id))) kinds.push(shape.expect);
  if (who.some(isTwoLists)) kinds.push(shape.expectXenOld ?? shape.expect);
  for (const types of kinds) checkFields(fields, types, nrVcpus, place, `expectation of ${flavour}:`);
  for (const lr of Array.isArray(fields.lrs) ? fields.lrs : [])
    checkFields(requireObject(lr, place, 'an entry of lrs'), LR_FIELDS, nrVcpus, place, 'field of a list register');
}
