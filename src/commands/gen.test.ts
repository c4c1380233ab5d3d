/** `gen`: the list of workloads, traces that can be made again from what they say of themselves, and what is refused. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { chooseGuest, hostileWorkloads } from '../hostile/index.js';
import { workloads } from '../workload/index.js';
import { writeTrace } from '../workload/test-trace-bytes.js';
import { run } from './test-run.js';

const root = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(root, { recursive: true }));
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});
const at = (name: string): string => join(folder, name);

test('the list has every workload with its parameters, defaults and ranges', async () => {
  const { code, out, err } = await run(['gen'], 1000);
  assert.deepEqual({ code, err }, { code: 0, err: '' });
  const parts = out.trimEnd().split('\n\n');
  assert.equal(parts.length, workloads.length + 1);
  for (const { id, row, flavours } of hostileWorkloads)
    assert.match(parts[workloads.length], new RegExp(`^ +${id} +row ${row}, ${flavours[0]}; n=`, 'm'));
  workloads.forEach(({ id, summary, params }, index) => {
    const lines = parts[index].split('\n');
    assert.deepEqual(lines.slice(0, 2), [id, `  ${summary}`]);
    for (const { name, default: fallback, min, max } of params)
      assert.ok(
        lines.some((line) => line.includes(`${id}:${name}=${fallback} `) && line.endsWith(`(${min}..${max})`)),
        `${id}: ${name}`,
      );
  });
});

test('the list keeps to the width of the terminal', async () => {
  for (const line of (await run(['gen'], 80)).out.split('\n')) assert.ok(line.length <= 80, line);
});

test('the list as JSON is the list as text', async () => {
  const listed = JSON.parse((await run(['gen', '--json'])).out);
  assert.deepEqual(
    listed.slice(0, workloads.length),
    workloads.map(({ id, summary, imitates, systems, params }) => ({
      id,
      summary,
      imitates: imitates ?? null,
      systems: systems ?? [],
      params,
    })),
  );
  assert.deepEqual(
    listed
      .slice(workloads.length)
      .map(({ id, row, bound }: { id: string; row: number; bound: string }) => [id, row, bound]),
    hostileWorkloads.map(({ id, row, bound }) => [id, row, bound]),
  );
});

for (const { id } of workloads) {
  test(`${id}: the command in the header makes the same bytes; the trace is sound and can be replayed`, async () => {
    const path = at('first.vgt');
    const made = await run(['gen', id, '--events', '2500', '--seed', '11', '-o', path]);
    assert.deepEqual({ code: made.code, err: made.err }, { code: 0, err: '' });
    assert.match(made.out, /first\.vgt: \d+ events, L0, \d+ vCPUs?, \d+ LRs, gicv3\n$/);
    const { header } = JSON.parse((await run(['info', path, '--json'])).out);
    const [tool, verb, spec, ...rest]: string[] = header.provenance.how.split(' ');
    assert.deepEqual([tool, verb, ...rest], ['vgic-replay', 'gen', '--seed', '11', '-o', `${id}.vgt`]);
    // As a command line it is run below, of one workload and of one attack.
    const { workload, params } = chooseGuest(spec, [['seed', '11']]);
    assert.ok(readFileSync(path).equals(writeTrace(workload, params, header.importer.version)));
    assert.equal((await run(['validate', path])).code, 0);
    const replayed = JSON.parse((await run(['replay', path, '-s', 'sort-on-flush', '-r', 'json'])).out);
    const { guest, stopped } = replayed.exact.cells[0].exact;
    assert.deepEqual({ divergences: guest.divergences, stopped }, { divergences: 0, stopped: null });
    assert.deepEqual(readdirSync(folder), ['first.vgt']);
  });
}

test('the command in the header, run as it stands, makes the same bytes', async () => {
  await run(['gen', 'deep', '--events', '2500', '--seed', '11', '-o', at('first.vgt')]);
  const { header } = JSON.parse((await run(['info', at('first.vgt'), '--json'])).out);
  const words: string[] = header.provenance.how.split(' ');
  assert.equal((await run([...words.slice(1, -1), at('again.vgt')])).code, 0);
  assert.ok(readFileSync(at('again.vgt')).equals(readFileSync(at('first.vgt'))));
  assert.deepEqual(readdirSync(folder).sort(), ['again.vgt', 'first.vgt']);
});

test('many events come from a thread, the same bytes', async () => {
  const many = ['periodic:events=100001', []] as const;
  assert.equal((await run(['gen', many[0], '-o', at('many.vgt')])).code, 0);
  const { workload, params } = chooseGuest(...many);
  const { header } = JSON.parse((await run(['info', at('many.vgt'), '--json'])).out);
  assert.ok(readFileSync(at('many.vgt')).equals(writeTrace(workload, params, header.importer.version)));
});

test('attacks: the size is an option, the header has the command, and the flavour of the row', async () => {
  const path = at('first.vgt');
  const made = await run(['gen', 'attack:equal-interrupts', '--n', '256', '-o', path]);
  assert.deepEqual({ code: made.code, err: made.err }, { code: 0, err: '' });
  const { header } = JSON.parse((await run(['info', path, '--json'])).out);
  assert.equal(
    header.provenance.how,
    'vgic-replay gen attack:equal-interrupts:n=256,rounds=1,lrs=4 -o equal-interrupts.vgt',
  );
  const words: string[] = header.provenance.how.split(' ');
  assert.equal((await run([...words.slice(1, -1), at('again.vgt')])).code, 0);
  assert.ok(readFileSync(at('again.vgt')).equals(readFileSync(path)));
  const stopOf = async (flavour: readonly string[]): Promise<string | null> => {
    const { out } = await run(['replay', path, '-s', 'sort-on-flush', '-r', 'json', ...flavour]);
    return JSON.parse(out).exact.cells[0].exact.stopped?.kind ?? null;
  };
  assert.equal(await stopOf([]), 'host-deadlock');
  assert.equal(await stopOf(['--flavour', 'kvm-6.1']), null);
});

test('parameters come with the workload or as options; both ways make one trace', async () => {
  await run(['gen', 'deep:depth=16,churn=4,events=900,seed=3', '-o', at('one.vgt')]);
  await run(['gen', 'deep:churn=4,depth=16', '--seed', '3', '--events', '900', '-o', at('two.vgt')]);
  assert.ok(readFileSync(at('one.vgt')).equals(readFileSync(at('two.vgt'))));
});

const IDS = workloads.map(({ id }) => id).join(', ');
const REFUSED: readonly (readonly [args: string[], code: number, expected: RegExp])[] = [
  [['nte', '-o', 'OUT'], 2, new RegExp(`unknown workload 'nte' \\(Did you mean net\\?\\); one of: ${IDS}$`, 'm')],
  [['', '-o', 'OUT'], 2, new RegExp(`unknown workload ''; one of: ${IDS}$`, 'm')],
  [['deep'], 2, /name the trace to write: -o deep\.vgt \(or -o -\)/],
  [['attack:pend-sgi'], 2, /name the trace to write: -o pend-sgi\.vgt \(or -o -\)/],
  [['attack:nevr-ack', '-o', 'OUT'], 2, /unknown workload 'attack:nevr-ack' \(Did you mean attack:never-ack\?\)/],
  [['attack:pend-sgi', '--seed', '1', '-o', 'OUT'], 2, /workload 'attack:pend-sgi' has no parameter 'seed'/],
  [['--n', '5'], 2, /name the workload to write/],
  [
    ['deep:depht=9', '-o', 'OUT'],
    2,
    /'deep' has no parameter 'depht' \(Did you mean depth\?\); it has: events, seed, depth/,
  ],
  [['deep:depth=989', '-o', 'OUT'], 2, /'deep': depth must be a whole number from 4 to 988, not '989'/],
  [['deep:depth=', '-o', 'OUT'], 2, /depth must be a whole number from 4 to 988, not ''/],
  [['deep:depth', '-o', 'OUT'], 2, /depth must be a whole number from 4 to 988, not ''/],
  [['deep:depth=1e2', '-o', 'OUT'], 2, /depth must be a whole number from 4 to 988, not '1e2'/],
  [['deep:depth=8,depth=9', '-o', 'OUT'], 2, /'deep': depth is given twice/],
  [['deep:seed=8', '--seed', '9', '-o', 'OUT'], 2, /'deep': seed is given twice/],
  [['deep:', '--seed', '-1', '-o', 'OUT'], 2, /seed must be a whole number from 0 to 4294967295, not '-1'/],
  [['deep:constructor=1', '-o', 'OUT'], 2, /'deep' has no parameter 'constructor'/],
  [['deep', '--events', 'many', '-o', 'OUT'], 2, /events must be a whole number from 1 to 2000000000, not 'many'/],
  [['deep', '--json', '-o', 'OUT'], 2, /--json prints the list of workloads; leave out the workload/],
  [['--seed', '4'], 2, /name the workload to write; "vgic-replay gen" alone lists them/],
  [['deep', 'net', '-o', 'OUT'], 2, /too many arguments for 'gen'/],
  [['deep', '-o', 'FOLDER'], 4, /folder: is a folder; name a file in it/],
  [['deep', '-o', 'OUT/x.vgt'], 4, /x\.vgt: cannot be written \(ENOENT\); name a file in a writable folder/],
];

for (const [args, code, expected] of REFUSED) {
  test(`gen ${args.join(' ')}: one line, exit ${code}, nothing is written`, async () => {
    mkdirSync(at('folder'));
    const places: Readonly<Record<string, string>> = {
      OUT: at('out.vgt'),
      FOLDER: at('folder'),
      'OUT/x.vgt': at('none/x.vgt'),
    };
    const result = await run(['gen', ...args.map((arg) => places[arg] ?? arg)]);
    assert.equal(result.code, code, result.err);
    assert.equal(result.out, '');
    assert.match(result.err, /^vgic-replay: [^\n]+\n$/);
    assert.match(result.err, expected);
    assert.deepEqual(readdirSync(folder), ['folder']);
  });
}
