/** What the rows of vgic-spec 8.2 that need LPIs or an ITS say, counted at their default size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Counters from '../vgic/counters.js';
import { claim, type Played, play } from './test-claims.js';

const { METRIC_COMPARISONS, METRIC_LOCKS, METRIC_VISITS, PATH_FLUSH, PATH_PRUNE } = Counters;

const itsCounts = ({ engine }: Played): Readonly<Record<string, number>> => engine.systemCounts().its;

claim(7, 'lpi-flood', 'the first entry sorts n LPIs with n log2 n comparisons, less what runs save', (played) => {
  const n = 8192;
  const comparisons = played.max(PATH_FLUSH, METRIC_COMPARISONS);
  assert.ok(comparisons > 0.9 * n * Math.log2(n) && comparisons < n * Math.log2(n), `${comparisons}`);
  assert.equal(played.max(PATH_FLUSH, METRIC_LOCKS), 1 + n + 2 * comparisons + 4);
  assert.equal(played.max(PATH_PRUNE, METRIC_VISITS), n);
});

test('7 lpi-flood: 57,344 LPIs, one flush', () => {
  const played = play('attack:lpi-flood:n=57344,rounds=1');
  assert.equal(played.max(PATH_FLUSH, METRIC_COMPARISONS), 838_786);
  assert.equal(played.max(PATH_FLUSH, METRIC_LOCKS), 1_734_921);
});

claim(7, 'int-walks', 'each INT walks the device, and all its events', (played) => {
  const counts = itsCounts(played);
  assert.equal(counts['INT OK'], 512);
  assert.equal(counts['INT event nodes'], 512 * 4096);
});

claim(8, 'invall-storm', 'each INVALL visits every LPI; kvm-6.1 looks each up again by a walk', (played, flavour) => {
  const n = 4096;
  const counts = itsCounts(played);
  assert.equal(counts['INVALL LPIs walked'], 64 * n);
  assert.equal(counts['INVALL guest reads max'], n);
  // Not linear in 6.1: more than the row says.
  assert.equal(counts['INVALL LPI nodes max'], flavour === 'kvm-6.1' ? (n * (n + 1)) / 2 : n);
});

claim(8, 'movall-storm', 'each MOVALL visits every LPI', (played) => {
  const counts = itsCounts(played);
  assert.equal(counts['MOVALL OK'], 64);
  assert.equal(counts['MOVALL LPIs walked'], 64 * 4096);
});

claim(8, 'discard-storm', 'each DISCARD walks all events of the device', (played) => {
  const counts = itsCounts(played);
  assert.equal(counts['DISCARD OK'], 32);
  assert.equal(counts['DISCARD event nodes'], 32 * 4096);
});

claim(9, 'mapd-loop', 'each MAPD of a device that is mapped frees all its events', (played) => {
  const counts = itsCounts(played);
  assert.equal(counts['MAPD event nodes'], 4 * 4096);
  assert.equal(counts['MAPD event nodes max'], 4096);
});

claim(10, 'mapti-growth', 'MAPTI walks the events before it: quadratic overall', (played) => {
  const n = 16384;
  assert.equal(itsCounts(played)['MAPTI event nodes'], (n * (n - 1)) / 2);
});

claim(19, 'lpis-toggle', 'off scans the list, on reads the pending table and queues all', (played) => {
  const n = 4096;
  const { cost } = played.vgic.state;
  // Visits and locks of the entries, and the list lock.
  assert.equal(cost.sectionMax[Counters.SECTION_LPIS_OFF], 2 * n + 1);
  const counts = itsCounts(played);
  assert.equal(counts['enable LPIs guest reads max'], n / 8);
  assert.equal(counts['enable LPIs locks max'], 3 * n);
});
