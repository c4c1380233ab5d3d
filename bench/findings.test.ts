/**
 * reports/findings.md is what the committed data say, and the data are what this checkout counts. All of it takes minutes
 * (npm run findings, or `findings --out reports --check`); here a part of every chapter is counted again.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { openShipped } from '../src/commands/findings.js';
import { gatherCatalogue } from '../src/findings/catalogue.js';
import { allStrategies, FINDINGS_SCHEMA, type FindingsData, gatherRecorded } from '../src/findings/data.js';
import { gatherHarm } from '../src/findings/guest-harm.js';
import { writeFindings } from '../src/findings/page.js';
import { gatherReach } from '../src/findings/reach.js';
import { gatherEntries } from '../src/findings/recording.js';
import { gatherSurface } from '../src/findings/surface.js';

const read = (path: string): string => readFileSync(new URL(`../../reports/${path}`, import.meta.url), 'utf8');
const STALE = 'reports/findings is out of step: npm run findings';
const data = JSON.parse(read('findings.json')) as FindingsData;
const chosen = allStrategies();
const { recordings, close } = await openShipped();
after(close);

/** As JSON has it, so that what the file cannot say makes no difference. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

test('the page and its figures are written from the committed data', () => {
  assert.equal(data.schema, FINDINGS_SCHEMA);
  const { markdown, figures } = writeFindings(data);
  assert.ok(markdown === read('findings.md'), STALE);
  const files = readdirSync(new URL('../../reports/findings/', import.meta.url)).sort();
  assert.deepEqual(files, [...figures.keys()].map((id) => `${id}.svg`).sort(), STALE);
  for (const [id, svg] of figures) assert.ok(svg === read(`findings/${id}.svg`), `${STALE}: ${id}`);
});

test('no sentence has a figure that was not there', () => {
  assert.doesNotMatch(read('findings.md'), /NaN|Infinity|undefined|null\b/);
});

test('what guests of the growth gate reach of what is declared is said of all their longest entries and prunes', () => {
  const shares = data.reach.longest
    .filter(({ flavour, subject }) => flavour === 'kvm-6.1' && ['flush', 'prune'].includes(subject))
    .filter(({ steps, bound }) => steps > 0 && bound !== null && bound > 0)
    .map(({ steps, bound }) => (100 * steps) / (bound ?? 1));
  const said = /growth gate reach between ([\d.]+) and ([\d.]+) %/.exec(writeFindings(data).markdown);
  assert.ok(Math.abs(Number(said?.[1]) - Math.min(...shares)) < 0.1, `${said?.[1]}, not ${Math.min(...shares)}`);
  assert.ok(Math.abs(Number(said?.[2]) - Math.max(...shares)) < 0.1, `${said?.[2]}, not ${Math.max(...shares)}`);
});

test('every strategy and every shipped recording is in it', () => {
  assert.deepEqual(
    data.strategies,
    chosen.map(({ label }) => label),
    STALE,
  );
  assert.deepEqual(
    data.recordings.map(({ path, sha256 }) => [path, sha256]),
    recordings.map(({ identity }) => [identity.path, identity.sha256]),
    STALE,
  );
});

for (const name of ['gicv2-linux', 'bare-flood-big']) {
  test(`${name}: entries and costs are counted again`, () => {
    const at = data.recordings.findIndex((recording) => recording.name === name);
    assert.deepEqual(plain(gatherEntries(recordings[at])), data.recordings[at], STALE);
    const own = chosen.filter(({ label }) => !data.hybrids.includes(label));
    const known = data.recorded[at].costs.filter(({ strategy }) => data.strategies.includes(strategy));
    assert.deepEqual(plain(gatherRecorded(recordings[at], own).costs), known, STALE);
  });
}

test('a part of the crossover surface is counted again', () => {
  const axes = { ...data.surface.axes, nrLrs: [4], spreads: [8], arrivals: [1, 4] };
  const lists = chosen.filter(({ strategy }) => strategy.structure === 'ap-list');
  const { rows } = gatherSurface(lists, data.seed, axes);
  const known = data.surface.rows.filter(
    ({ nrLr, spread, arrivals }) => nrLr === 4 && spread === 8 && axes.arrivals.includes(arrivals),
  );
  assert.equal(rows.length, 2);
  assert.deepEqual(plain(rows), known, STALE);
});

test('hostile guests of the chapters, longest calls of Xen and the harm to a guest are counted again', () => {
  const ids = ['attack:never-ack', 'attack:affinity-ping-pong', 'attack:park-below-pmr', 'attack:device-insert'];
  const { runs } = gatherCatalogue(chosen, [], (id) => ids.includes(id));
  assert.deepEqual(
    plain(runs),
    data.catalogue.runs.filter(({ guest }) => ids.includes(guest)),
    STALE,
  );
  const longest = data.reach.longest.filter(({ flavour }) => flavour === 'xen-old');
  assert.ok(longest.length > 0);
  assert.deepEqual(plain(gatherReach(chosen, [], ['xen-old']).longest), longest, STALE);
  assert.deepEqual(plain(gatherHarm(chosen)), data.harm, STALE);
});
