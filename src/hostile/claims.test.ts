/** What each row of vgic-spec 8.2 says a guest reaches, counted on the model at the row's default size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLUSH, SYNC, wordKind, wordVcpu } from '../trace/events.js';
import * as Counters from '../vgic/counters.js';
import { slotOf } from '../vgic/state.js';
import { ACTIVE } from '../vgic/word.js';
import { claim, type Played, play } from './test-claims.js';

const { METRIC_COMPARISONS, METRIC_LOCKS, METRIC_VISITS } = Counters;
const { PATH_FLUSH, PATH_FOLD, PATH_INJECT, PATH_PENDING, PATH_PRUNE } = Counters;

const KVM = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'];

const flushesOf = ({ block }: Played, vcpu: number): number => {
  let count = 0;
  for (let at = 0; at < block.count; at++)
    if (wordKind(block.word[at]) === FLUSH && wordVcpu(block.word[at]) === vcpu) count++;
  return count;
};

function countActive({ vgic }: Played, n: number): number {
  let active = 0;
  for (let spi = 32; spi < 32 + n; spi++) if ((vgic.state.word[slotOf(vgic.state, 0, spi)] & ACTIVE) !== 0) active++;
  return active;
}

claim(1, 'never-ack', 'the locks of appendix A in one flush, and an exit that walks all', (played) => {
  assert.equal(played.max(PATH_FLUSH, METRIC_LOCKS), 17817);
  assert.equal(played.max(PATH_FLUSH, METRIC_COMPARISONS), 8426);
  assert.equal(played.max(PATH_PRUNE, METRIC_LOCKS), 961);
});

test('1 never-ack: every entry of appendix A that has n = 960; alone, the vCPU sorts as it writes and reaches less', () => {
  const locks = (spec: string): number => play(`attack:never-ack:${spec}`).max(PATH_FLUSH, METRIC_LOCKS);
  assert.equal(locks('priorities=20'), 10693);
  assert.equal(locks('priorities=33'), 12045);
  assert.equal(locks('n=256'), 3793);
  assert.equal(locks('n=5'), 26);
  // 32 more arrive on a list that the entry before has sorted.
  assert.equal(locks('writer=0,priorities=20'), 10693);
  assert.equal(locks('writer=0'), 10991);
});

claim(2, 'priority-churn', 'every entry with a long list sorts, for what a sorted list costs and more', (played) => {
  const { sorts } = played.vgic.state.cost;
  // Two writes a round; those before go with a list that grows, the first entry with an empty one.
  assert.equal(sorts, flushesOf(played, 0) - 1);
  assert.ok(played.max(PATH_FLUSH, METRIC_LOCKS) > 10693);
});

test('2 priority-churn: a sorted flag saves all but the first sort of never-ack, and none here', () => {
  const sortsOf = (spec: string): number => {
    const { vgic } = play(spec, 'kvm-6.1', 'sorted-flag');
    return vgic.state.cost.sorts;
  };
  assert.equal(sortsOf('attack:never-ack'), 1);
  const [few, many] = [8, 64].map((rounds) => sortsOf(`attack:priority-churn:rounds=${rounds}`));
  assert.equal(many - few, 2 * (64 - 8));
});

claim(3, 'enable-toggle', '960 removals in one exit and 960 insertions by 30 writes', (played) => {
  const rounds = 8;
  const { cost } = played.vgic.state;
  assert.equal(played.max(PATH_PRUNE, METRIC_VISITS), 960);
  assert.equal(played.max(PATH_PRUNE, METRIC_LOCKS), 961);
  assert.equal(played.max(PATH_INJECT, METRIC_LOCKS), 3);
  // Each of these was off the list: a kick each. The first kvm-7.2 kick is the broadcast.
  assert.equal(cost.kicks + cost.broadcasts, 960 * (rounds + 1));
});

claim(4, 'pend-storm', '32 queue operations with a kick each per write, entries stay until the prune', (played) => {
  const writes = 64;
  const { cost } = played.vgic.state;
  assert.equal(cost.kicks + cost.broadcasts, 32 * writes);
  assert.equal(played.max(PATH_INJECT, METRIC_LOCKS), 3);
  assert.equal(played.max(PATH_PRUNE, METRIC_VISITS), 32);
});

claim(5, 'sgi-broadcast', 'V - 1 queue operations and V - 1 IPIs per write', (played) => {
  const [vcpus, writes] = [8, 64];
  const { cost } = played.vgic.state;
  assert.equal(cost.kicks, (vcpus - 1) * writes);
  assert.equal(cost.ipis, (vcpus - 1) * writes);
  assert.equal(cost.acks, (vcpus - 1) * writes);
});

claim(6, 'affinity-ping-pong', '231 thousand irq_locks in one exit', (played) => {
  const [kept, moved] = [480, 480];
  // m * (kept + 2) irq_locks, the walk after the last move, and list locks: 3 a move, one at first.
  assert.equal(moved * (kept + 2), 231_360);
  assert.equal(played.max(PATH_PRUNE, METRIC_LOCKS), moved * (kept + 2) + kept + 3 * moved + 1);
  assert.equal(played.max(PATH_PRUNE, METRIC_VISITS), 231_360);
});

claim(
  11,
  'never-eoi',
  'EOImode 1: all stay active in kvm-7.2, as many as there are LRs in kvm-6.1',
  (played, flavour) => {
    // Priority 0xf8, which the first nine have, is never below a PMR of five bits.
    assert.equal(countActive(played, 256), flavour === 'kvm-6.1' ? 4 : 256 - 9);
  },
);

test('11 never-eoi: nested by priority, one active interrupt a group priority below PMR', () => {
  assert.equal(countActive(play('attack:never-eoi:mode=0,n=32,rounds=32', 'kvm-7.2'), 32), 31);
  // Active ones take every LR: nothing is presented any more.
  assert.equal(countActive(play('attack:never-eoi:mode=0,n=32,rounds=32', 'kvm-6.1'), 32), 4);
});

claim(12, 'active-for-ever', 'pending interrupts starve in kvm-6.1, and are handled in kvm-7.2', (played, flavour) => {
  const { cost } = played.vgic.state;
  assert.equal(cost.halts, 29);
  assert.ok(played.max(PATH_FLUSH, METRIC_LOCKS) >= 10693);
  if (flavour === 'kvm-6.1') assert.equal(cost.acks, 0);
  // 60 were pending; all are done.
  else assert.equal(cost.acks, 60);
});

claim(13, 'active-access', 'every access halts the guest: V exits', (played) => {
  const [vcpus, accesses] = [8, 64];
  assert.equal(played.vgic.state.cost.halts, accesses);
  let exits = 0;
  for (let at = 0; at < played.block.count; at++) if (wordKind(played.block.word[at]) === SYNC) exits++;
  // And one of each at the end.
  assert.equal(exits, vcpus * accesses + vcpus);
});

claim(14, 'level-held', 'one exit a round, and every interrupt is there again without an injection', (played) => {
  const { cost } = played.vgic.state;
  assert.equal(cost.injections, 4);
  assert.ok(cost.acks >= 255 * 4);
});

claim(15, 'timer-in-past', 'a host interrupt, an exit, an injection and a flush for each expiry', (played) => {
  const { timer } = played.engine.systemCounts();
  assert.equal(timer['host interrupts'], 1000);
  assert.equal(timer['exits by host interrupt'], 1000);
  assert.equal(played.vgic.state.cost.acks, 1000);
  assert.ok(timer.injections >= 1000);
});

claim(16, 'dist-toggle', 'a pending test for each vCPU, which walks all that is masked on its list', (played) => {
  const [vcpus, toggles, n] = [2, 32, 960];
  const { cost } = played.vgic.state;
  // One writes: the others' lists are its work too.
  assert.equal(cost.sectionCalls[Counters.SECTION_DIST_ON + Counters.PAYER_OWN], toggles);
  assert.equal(cost.sectionCalls[Counters.SECTION_DIST_ON + Counters.PAYER_OTHER], (vcpus - 1) * toggles);
  assert.equal(played.sum(PATH_PENDING, METRIC_VISITS), n * toggles);
  // Visits and locks of the entries, a lock a list.
  assert.equal(cost.sectionMax[Counters.SECTION_DIST_ON_ALL], 2 * n + vcpus);
});

claim(17, 'park-below-pmr', 'n visits a WFI', (played) => {
  const waits = 65;
  assert.equal(played.vgic.state.cost.calls[PATH_PENDING], waits);
  assert.equal(played.sum(PATH_PENDING, METRIC_VISITS), 960 * waits);
});

claim(18, 'maintenance-exits', 'an exit for each k - 1 that are handled, while more wait', (played) => {
  const [rounds, lrs] = [300, 4];
  const { cost } = played.vgic.state;
  assert.equal(flushesOf(played, 0), rounds);
  assert.equal(cost.acks, (lrs - 1) * rounds);
  // Full at every entry: the exit is the underflow's.
  assert.equal(cost.used[lrs], rounds);
});

claim(20, 'shuffled-eoi', 'the end of one interrupt walks what is pending before it', (played, flavour) => {
  const [pending, lrs] = [930, 4];
  // From the list head before the fix: also what is in the LRs.
  const walked = flavour === 'kvm-6.19' ? pending : pending - lrs;
  assert.equal(played.max(PATH_FOLD, METRIC_VISITS), lrs + walked + 1);
});

test('20 shuffled-eoi: what is deactivated is the first active of the list, not the one that was named', () => {
  const { vgic } = play('attack:shuffled-eoi:rounds=1', 'kvm-7.2');
  const isActive = (spi: number): boolean => (vgic.state.word[slotOf(vgic.state, 0, spi)] & ACTIVE) !== 0;
  assert.ok(isActive(32 + 945), 'named by the EOI');
  assert.ok(!isActive(32 + 930), 'first in the list');
});

claim(21, 'dir-elsewhere', 'each DIR halts the guest', ({ vgic: { state } }) => {
  const [rounds, held] = [16, 4];
  assert.equal(state.cost.acks, rounds * held);
  assert.equal(state.cost.halts, rounds * held);
});

claim(22, 'multi-sgi', 'sorts at every entry of the vCPU, with no more entries than list registers', (played) => {
  assert.equal(played.vgic.state.cost.sorts, flushesOf(played, 0));
  assert.ok(played.vgic.state.cost.depth.every((count, depth) => depth <= 4 || count === 0));
});

test('22 multi-sgi: kvm-7.2 does not sort', () => {
  assert.equal(play('attack:multi-sgi', 'kvm-7.2').vgic.state.cost.sorts, 0);
});

claim(23, 'device-insert', 'an injection walks the waiting ones twice', (played) => {
  const [n, lrs] = [960, 4];
  // The last one passes all others in inflight, and those in lr_pending, which lacks what is in LRs or found none free.
  const walked = played.max(PATH_INJECT, METRIC_COMPARISONS);
  assert.ok(walked >= 2 * (n - 1) - lrs && walked <= 2 * (n - 1), `${walked}`);
});

claim(24, 'equal-interrupts', 'the host hangs', ({ stopped }) => assert.equal(stopped, 'host-deadlock'));

test('24 equal-interrupts: 255 are fine, and any number is with the guard of KVM', () => {
  assert.equal(play('attack:equal-interrupts:n=255').stopped, null);
  for (const flavour of KVM) assert.equal(play('attack:equal-interrupts', flavour).stopped, null);
});

claim(25, 'pend-sgi', 'the host crashes', ({ stopped }) => assert.equal(stopped, 'host-assertion'));
