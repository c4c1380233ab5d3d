// A strategy in one file that imports nothing: the newest interrupt first. Copy it, rename it, change it, then
//
//   vgic-replay contract ./lifo.js
//   vgic-replay replay my.vgt --strategy ./lifo.js,sort-on-flush
//
// What each method must do: src/vgic/ap-list.ts. Everything a file may declare: src/strategy/README.md.

/** @type {import('vgic-replay').OutsideStrategy} */
export default {
  id: 'lifo',
  summary: 'the newest interrupt first, whatever its priority',
  models: 'nothing: an example',
  structure: 'ap-list',
  // What it promises against the flavour's own algorithm: identical, tie-equivalent, deviating or bound.
  equivalence: 'deviating',
  cost: { insert: 'O(1)', flush: 'O(n)', pending: 'O(n)', prune: 'O(n)', memory: '2 links per interrupt' },
  params: {},
  // The longest call of each path in modelled steps, with n interrupts queued in the VM and k list registers; may be left
  // out. What the core books in the same call (the lock of the interrupt, LR writes, the fold) is part of it.
  worst: (flavour) => ({
    inject: {
      growth: 'constant',
      steps: () => 3,
      why: 'the lock of the interrupt, of the list, and of the interrupt again',
    },
    rekey: { growth: 'linear', steps: ({ n }) => 2 + 2 * n, why: 'EnableLPIs off: a visit and a lock an entry' },
    flush: { growth: 'linear', steps: ({ n, k }) => 1 + 2 * n + k, why: 'a visit and a lock an entry, k LRs written' },
    fold:
      flavour.activeOutsideLrs === 'none'
        ? { growth: 'constant', steps: ({ k }) => 2 * k, why: 'a visit and a lock a list register' }
        : {
            growth: 'linear',
            steps: ({ n, k }) => 2 * k + 2 * n + 31,
            why: 'the list behind them as well, for 31 EOIs',
          },
    prune: { growth: 'linear', steps: ({ n }) => 1 + 6 * n, why: 'a visit and a lock an entry, four more if it moves' },
    pending: { growth: 'linear', steps: ({ n }) => 1 + 2 * n, why: 'the list lock, a visit and a lock an entry' },
  }),

  create(_params, tools) {
    const { COUNTED, OVERFLOW, NO_SLOT, LPI_BASE, NR_SGIS, SUMMARY_ACTIVE, SUMMARY_PENDING, SUMMARY_SGIS } = tools;
    const { ACTIVE, ENABLED, LATCH, PENDING, priorityOf, targetOracle } = tools.word;

    // Called once for every VM. `state` holds a row per interrupt: state.word[row] is its packed state.
    return (state, ops) => {
      const { word, cost, dist, picks, summary, intidOfSlot, nrVcpus, nrLr, flavour } = state;
      /** Rows of each vCPU's list, the newest first. @type {number[][]} */
      const lists = Array.from({ length: nrVcpus }, () => []);
      /** Where the row belongs now: a vCPU, or -1 for no list. @param {number} row */
      const ownerOf = (row) => targetOracle(word[row], dist[0] === 1);

      return {
        length: (vcpu) => lists[vcpu].length,
        insert(vcpu, row) {
          lists[vcpu].unshift(row);
        },
        touch(_row) {}, // the key of a queued row may have changed: nothing is ordered here
        touchAll(_vcpu) {},

        // Guest entry: populate the list registers.
        select(vcpu) {
          let taken = 0;
          let visits = 0;
          let isCut = false;
          for (const row of lists[vcpu]) {
            if (taken === nrLr) isCut = true;
            if (isCut) break;
            visits++;
            if (ownerOf(row) !== vcpu) continue;
            picks[taken] = row;
            ops.populate(vcpu * nrLr + taken, row);
            taken++;
          }
          if (flavour.depth === 'ours') {
            // kvm-7.2 walks the whole list first and decides from these numbers.
            const ours = lists[vcpu].filter((row) => ownerOf(row) === vcpu);
            summary[SUMMARY_ACTIVE] = ours.filter((row) => (word[row] & ACTIVE) !== 0).length;
            summary[SUMMARY_PENDING] = ours.length - summary[SUMMARY_ACTIVE];
            summary[SUMMARY_SGIS] = ours.filter((row) => intidOfSlot[row] < NR_SGIS).length;
            visits = lists[vcpu].length;
          }
          if (COUNTED) {
            // Modelled cost: what the hypervisor would do. LR writes are booked by populate.
            cost.visits += visits;
            cost.locks += 1 + visits;
          }
          return taken | (isCut ? OVERFLOW : 0);
        },

        // Guest exit: what does not belong here leaves, for good or to another vCPU.
        prune(vcpu) {
          const rows = lists[vcpu];
          lists[vcpu] = rows.filter((row) => ownerOf(row) === vcpu);
          let moved = 0;
          for (const row of rows) {
            const owner = ownerOf(row);
            if (owner === vcpu) continue;
            if (owner < 0) ops.release(row);
            else ops.migrate(row, owner);
            if (owner >= 0) moved++;
          }
          if (COUNTED) {
            cost.visits += rows.length;
            cost.locks += 1 + rows.length + 4 * moved;
          }
        },

        // Is something here that the vCPU should wake up for?
        hasPending(vcpu, pmr) {
          const asksAll = flavour.pendingTest === 'enabled-pending'; // Xen
          let visits = 0;
          const found = lists[vcpu].some((row) => {
            visits++;
            const w = word[row];
            if ((w & ENABLED) === 0 || (w & PENDING) === 0) return false;
            return asksAll || ((w & ACTIVE) === 0 && priorityOf(w) < pmr);
          });
          if (COUNTED) {
            cost.visits += visits;
            cost.locks += visits;
          }
          return found;
        },

        // The guest turned its LPIs off.
        dropLpis(vcpu) {
          const rows = lists[vcpu];
          lists[vcpu] = rows.filter((row) => intidOfSlot[row] < LPI_BASE);
          for (const row of rows) {
            if (COUNTED) cost.visits += 1;
            if (intidOfSlot[row] < LPI_BASE) continue;
            if (COUNTED) cost.locks += 1;
            word[row] &= ~LATCH;
            ops.release(row);
          }
        },

        after(vcpu, row) {
          const following = lists[vcpu][row === NO_SLOT ? 0 : lists[vcpu].indexOf(row) + 1];
          return following ?? NO_SLOT;
        },
        order: (vcpu) => [...lists[vcpu]],
      };
    };
  },
};
