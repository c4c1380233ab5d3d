/** Expected against observed fields; a difference shows both as the file would write them. */
import type { Flavour } from '../gic/flavour/index.js';
import type { LrFields } from './lr-fields.js';
import type { Observed } from './perform.js';
import type { Expected } from './scenario.js';

export interface FieldDifference {
  /** "hcr", "lrs[1].raw". */
  readonly field: string;
  readonly expected: unknown;
  readonly got: unknown;
}

const HEX_FIELDS: ReadonlySet<string> = new Set(['raw', 'priority', 'hcr', 'prioritySnapshot', 'sources']);
/** Fields that are not written but hold all the same, by kind of model (schema notes). */
const impliedFields = (observed: Observed, flavour: Flavour, isExpected: boolean): Expected => {
  if ('returns' in observed) return { returns: 0 };
  return isExpected && 'eoiCount' in observed && !flavour.isXen ? { eoiCount: 0 } : {};
};

const isHex = (value: unknown): boolean => typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value);

/** One form for every way to write a value: true and 1, "0x0A" and "0xa". */
function normalise(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalise);
  if (isHex(value)) return BigInt(value as string);
  if (typeof value === 'boolean') return BigInt(value);
  if (typeof value === 'number') return BigInt(value);
  return value ?? null;
}

const isObject = (value: unknown): value is Expected => typeof value === 'object' && value !== null;

function isSame(expected: unknown, got: unknown): boolean {
  const [a, b] = [normalise(expected), normalise(got)];
  // An object of a list of tables: the fields that are written.
  if (isObject(a) && isObject(b) && !Array.isArray(a))
    return Object.entries(a).every(([key, value]) => isSame(value, b[key]));
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((value, at) => isSame(value, b[at]));
}

/** As a scenario file would write the field. */
function show(field: string, expected: unknown, got: unknown): unknown {
  if (got === undefined) return null;
  if (typeof expected === 'boolean') return Boolean(got);
  if (typeof got === 'boolean') return Number(got);
  if (typeof got === 'string') return got;
  if (typeof got === 'bigint' || HEX_FIELDS.has(field) || isHex(expected))
    return `0x${BigInt(got as number).toString(16)}`;
  return got;
}

function compareField(field: string, label: string, expected: unknown, got: unknown): FieldDifference[] {
  return isSame(expected, got) ? [] : [{ field: label, expected, got: show(field, expected, got) }];
}

function compareLrs(expected: readonly Expected[], got: readonly LrFields[]): FieldDifference[] {
  const differences: FieldDifference[] = compareField('length', 'lrs.length', expected.length, got.length);
  for (const [at, fields] of expected.entries()) {
    const found: Observed = { ...got[at] };
    if (at >= got.length) continue;
    for (const [name, value] of Object.entries(fields))
      differences.push(...compareField(name, `lrs[${at}].${name}`, value, found[name]));
  }
  return differences;
}

/** Every field that is written must match, and those that the schema implies. */
export function compareFields(observed: Observed, expected: Expected | undefined, flavour: Flavour): FieldDifference[] {
  const wanted = { ...impliedFields(observed, flavour, expected !== undefined), ...expected };
  return Object.entries(wanted).flatMap(([field, value]) =>
    field === 'lrs'
      ? compareLrs(value as readonly Expected[], observed.lrs as readonly LrFields[])
      : compareField(field, field, value, observed[field]),
  );
}
