/** Drives the events of a trace into a vGIC: the hot loop. */

import * as Events from '../trace/events.js';
import * as Digest from '../vgic/digest.js';
import { physRowOf } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const {
  INTID_SHIFT,
  KIND_MASK,
  VCPU_MASK,
  VCPU_SHIFT,
  ACK,
  ACTIVE,
  CONFIG,
  DEACTIVATE,
  DIST_ENABLE,
  ENABLE,
  EOI,
  FLUSH,
  FOLD,
  GROUP,
  GROUP_ONE,
  GUEST_DRAIN,
  GUEST_LR_STATE,
  HW_MAP,
  HW_UNMAP,
  INJECT,
  LINE_LEVEL,
  LPI_CLEAR,
  LPI_CONFIG,
  LPI_FLUSH,
  LPI_MAP,
  LPI_MOVE,
  LPI_PENDING,
  LPI_UNMAP,
  MMIO_DIST,
  MMIO_REDIST,
  PENDING,
  PENDING_QUERY,
  PHYS_LINE,
  PMR,
  PRIORITY,
  PRUNE,
  SGI,
  SGI_PEND,
  SYNC,
  TARGET,
} = Events;
const { DIGEST_SEED, mix } = Digest;

export interface Engine {
  /** Replays events 0..count of a block's columns, one after another. */
  run(word: Int32Array, value: Int32Array, count: number): void;
  /** One event; the slow way, for code that compares after each step. */
  step(word: number, value: number): void;
  /** Digest over every LR word of every flush so far (vgic/digest.ts): used_lrs, then lo and hi of each LR. */
  digest(): number;
}

export function createEngine(vgic: Vgic): Engine {
  const { state, flush, sync, fold, prune, inject, ack, deactivate } = vgic;
  const { usedLrs, lrLo, lrHi, nrLr, isV2Host, nrVcpus, pmr } = state;
  let digest = DIGEST_SEED;

  function digestLrs(vcpu: number): void {
    const used = usedLrs[vcpu];
    let d = mix(digest, used);
    const base = vcpu * nrLr;
    if (isV2Host) {
      for (let lr = 0; lr < used; lr++) d = mix(mix(d, vgic.lrLo(vcpu, lr)), 0);
    } else {
      for (let lr = base; lr < base + used; lr++) d = mix(mix(d, lrLo[lr]), lrHi[lr]);
    }
    digest = d;
  }

  /** Everything that is rare in ordinary traces; kept out of the hot function so that it stays small. */
  function runRare(kind: number, vcpu: number, intid: number, value: number): void {
    const on = (value & 1) === 1;
    const user = (value & 2) === 2;
    switch (kind) {
      case DEACTIVATE:
        deactivate(vcpu, intid);
        break;
      case ENABLE:
        vgic.setEnable(vcpu, intid, on, user);
        break;
      case PRIORITY:
        vgic.setPriority(vcpu, intid, value);
        break;
      case PENDING:
        vgic.setPending(vcpu, intid, on, user);
        break;
      case ACTIVE:
        vgic.setActive(vcpu, intid, on, user);
        break;
      case CONFIG:
        vgic.setConfig(vcpu, intid, on);
        break;
      case TARGET:
        vgic.setTarget(intid, value);
        break;
      case SGI:
        vgic.sgi(vcpu, intid & 15, intid >>> 5, value, (intid & 16) !== 0);
        break;
      case LPI_MAP:
        vgic.mapLpi(intid, vcpu, (value >>> 8) & 0xff, (value & 0x10000) !== 0);
        break;
      case LPI_UNMAP:
        vgic.unmapLpi(intid);
        break;
      case LPI_CONFIG:
        vgic.configLpi(intid, value);
        break;
      case LPI_MOVE:
        vgic.moveLpi(intid, vcpu);
        break;
      case LPI_CLEAR:
        vgic.clearLpi(intid);
        break;
      case LPI_PENDING:
        vgic.pendLpi(intid, value & 1);
        break;
      case LPI_FLUSH:
        vgic.dropLpis(vcpu);
        break;
      case GROUP:
        vgic.setGroupWord(vcpu, intid, value & 1);
        break;
      case GROUP_ONE:
        vgic.setGroup(vcpu, intid, value & 1, user);
        break;
      case DIST_ENABLE:
        vgic.setDistEnable(on);
        break;
      case HW_MAP:
        vgic.mapHw(vcpu, intid, value);
        break;
      case HW_UNMAP:
        vgic.unmapHw(vcpu, intid);
        break;
      case PHYS_LINE:
        vgic.physLine(physRowOf(nrVcpus, vcpu, intid), value & 1);
        break;
      case MMIO_DIST:
        vgic.writeDist(vcpu, intid, value);
        break;
      case MMIO_REDIST:
        vgic.writeRedist(vcpu, intid, value);
        break;
      case SGI_PEND:
        vgic.setSgiSources(vcpu, intid, value & 0xff, value < 0);
        break;
      case PENDING_QUERY:
        vgic.pendingTest(vcpu);
        break;
      case PMR:
        pmr[vcpu] = value & 0xff;
        break;
      case LINE_LEVEL:
        vgic.lineLevel(vcpu, intid, value & 1);
        break;
      case GUEST_LR_STATE:
        vgic.setLrState(vcpu, intid, value & 3);
        break;
      case GUEST_DRAIN:
        vgic.drain(vcpu);
        break;
      case FOLD:
        fold(vcpu);
        break;
      case PRUNE:
        prune(vcpu);
        break;
      default:
        // NOP, PRIORITY_DROP, facts and ground truth change nothing.
        break;
    }
  }

  function step(word: number, value: number): void {
    const vcpu = (word >>> VCPU_SHIFT) & VCPU_MASK;
    switch (word & KIND_MASK) {
      case INJECT:
        inject(vcpu, word >>> INTID_SHIFT, value & 1);
        break;
      case FLUSH:
        flush(vcpu);
        digestLrs(vcpu);
        break;
      case SYNC:
        sync(vcpu);
        break;
      case ACK:
        ack(vcpu, word >>> INTID_SHIFT, value);
        break;
      case EOI:
        deactivate(vcpu, word >>> INTID_SHIFT);
        break;
      default:
        runRare(word & KIND_MASK, vcpu, word >>> INTID_SHIFT, value);
    }
  }

  return {
    run(word, value, count) {
      for (let i = 0; i < count; i++) step(word[i], value[i]);
    },
    step,
    digest: () => digest,
  };
}
