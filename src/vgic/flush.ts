/**
 * Guest entry: our tables → list registers. Counterpart: sync.ts.
 * Flush of kvm-6.1: vgic-spec 1.11. Which entries get an LR, and in which order, is the strategy's decision; what goes
 * into the LR is populate.ts.
 */
import * as Counting from '#counting';
import * as Lr from '../gic/lr.js';
import type { ApList } from './ap-list.js';
import * as ApLists from './ap-list.js';
import * as Counters from './counters.js';
import type { Populate } from './populate.js';
import type { VgicState } from './state.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { HCR_EN, HCR_UIE } = Lr;
const { OVERFLOW } = ApLists;
const { PATH_FLUSH } = Counters;

export interface Flush {
  flush(vcpu: number): void;
}

export function createFlush(s: VgicState, list: ApList, { reportUnsent }: Populate): Flush {
  const { usedLrs, lrDirty, hcr, cost, isV2Guest } = s;
  const { length, select, touch } = list;

  return {
    flush(vcpu) {
      const depth = length(vcpu);
      if (COUNTED) cost.depth[depth] += 1;
      // Nothing queued: no lock, and the LR shadow stays as it is.
      if (depth === 0) {
        if (COUNTED) {
          cost.used[usedLrs[vcpu]] += 1;
          cost.end(PATH_FLUSH);
        }
        return;
      }
      const chosen = select(vcpu);
      if (isV2Guest) reportUnsent(touch);
      const count = chosen & (OVERFLOW - 1);
      lrDirty[vcpu] = count;
      usedLrs[vcpu] = count;
      // 6.1 only ever sets UIE here; the fold clears it.
      hcr[vcpu] |= chosen >= OVERFLOW ? HCR_EN | HCR_UIE : HCR_EN;
      if (COUNTED) {
        cost.lrWrites += count;
        cost.used[count] += 1;
        cost.end(PATH_FLUSH);
      }
    },
  };
}
