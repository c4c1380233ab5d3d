/** Programs, attackers and sizes in JSON files: what a file says is checked before it is run. */
import { InputError } from '../base/errors.js';
import { MAX_NR_LR, MAX_VCPUS, NR_LPIS } from '../gic/intid.js';
import { type GuestProgram, type Op, type ProgramSize, SHARES, SPAN_ORDERS, VERBS } from '../hostile/program.js';
import { type Attacker, CAPABILITIES } from './attacker.js';

/** Reads one JSON value; errors name the file and the path to the value. */
export class JsonPlace {
  readonly file: string;
  readonly path: string;
  readonly value: unknown;

  constructor(file: string, path: string, value: unknown) {
    this.file = file;
    this.path = path;
    this.value = value;
  }

  /** Throws InputError if the text is no JSON. */
  static parse(file: string, text: string): JsonPlace {
    try {
      return new JsonPlace(file, '', JSON.parse(text));
    } catch (error) {
      throw new InputError(file, 'byte 0', `no JSON (${(error as Error).message})`, 'name a file that attack wrote');
    }
  }

  fail(what: string): never {
    const place = this.path === '' ? 'top level' : this.path;
    throw new InputError(this.file, place, what, 'name a file that attack or minimize wrote');
  }

  at(name: string): JsonPlace {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail('no object');
    const fields = new Map<string, unknown>(Object.entries(value));
    return new JsonPlace(this.file, this.path === '' ? name : `${this.path}.${name}`, fields.get(name));
  }

  list<T>(read: (item: JsonPlace, at: number) => T): T[] {
    const { value } = this;
    if (!Array.isArray(value)) this.fail('no list');
    return value.map((item, at) => read(new JsonPlace(this.file, `${this.path}[${at}]`, item), at));
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.fail('no text');
  }

  oneOf<T extends string>(choices: readonly T[]): T {
    return choices.find((choice) => choice === this.value) ?? this.fail(`none of: ${choices.join(', ')}`);
  }

  whole(min: number, max = Number.MAX_SAFE_INTEGER): number {
    const { value } = this;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.fail(`no whole number from ${min} to ${max}`);
  }

  figure(): number {
    return typeof this.value === 'number' && this.value >= 0 ? this.value : this.fail('no number');
  }

  flag(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.fail('neither true nor false');
  }
}

const MAX_OPS = 1000;

function readOp(place: JsonPlace): Op {
  return {
    verb: place.at('verb').oneOf(VERBS.map(({ verb }) => verb)),
    vcpu: place.at('vcpu').whole(0, MAX_VCPUS),
    from: place.at('from').whole(0, SHARES),
    to: place.at('to').whole(0, SHARES),
    order: place.at('order').oneOf(SPAN_ORDERS),
    value: place.at('value').whole(0),
    slides: place.at('slides').flag(),
  };
}

function readOps(place: JsonPlace): Op[] {
  const ops = place.list(readOp);
  return ops.length <= MAX_OPS ? ops : place.fail(`more than ${MAX_OPS} operations`);
}

export function readProgram(place: JsonPlace): GuestProgram {
  return {
    model: place.at('model').oneOf(['gicv3', 'gicv2']),
    vcpus: place.at('vcpus').whole(1, MAX_VCPUS),
    setUp: readOps(place.at('setUp')),
    round: readOps(place.at('round')),
    rounds: place.at('rounds').whole(0, 1e6),
  };
}

export function readSize(place: JsonPlace): ProgramSize {
  return { n: place.at('n').whole(1, NR_LPIS), nrLr: place.at('nrLr').whole(1, MAX_NR_LR) };
}

export function readAttacker(place: JsonPlace): Attacker {
  const writes = place.at('writesPerExit');
  return {
    may: place.at('may').list((item) => item.oneOf(CAPABILITIES)),
    vcpus: place.at('vcpus').whole(1, MAX_VCPUS),
    writesPerExit: writes.value === 'unlimited' ? 'unlimited' : writes.whole(1),
    instructions: place.at('instructions').whole(1),
  };
}
