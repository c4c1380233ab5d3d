/** Drives the events of a trace into a vGIC: the hot loop. */

import * as K from '../trace/events.js';
import { INTID_SHIFT, KIND_MASK, VCPU_MASK, VCPU_SHIFT } from '../trace/events.js';
import { DIGEST_SEED, mix } from '../vgic/digest.js';
import { physRowOf } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';

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
      case K.DEACTIVATE:
        deactivate(vcpu, intid);
        break;
      case K.ENABLE:
        vgic.setEnable(vcpu, intid, on, user);
        break;
      case K.PRIORITY:
        vgic.setPriority(vcpu, intid, value);
        break;
      case K.PENDING:
        vgic.setPending(vcpu, intid, on, user);
        break;
      case K.ACTIVE:
        vgic.setActive(vcpu, intid, on, user);
        break;
      case K.CONFIG:
        vgic.setConfig(vcpu, intid, on);
        break;
      case K.TARGET:
        vgic.setTarget(intid, value);
        break;
      case K.SGI:
        vgic.sgi(vcpu, intid & 15, intid >>> 5, value, (intid & 16) !== 0);
        break;
      case K.LPI_MAP:
        vgic.mapLpi(intid, vcpu, (value >>> 8) & 0xff, (value & 0x10000) !== 0);
        break;
      case K.LPI_UNMAP:
        vgic.unmapLpi(intid);
        break;
      case K.LPI_CONFIG:
        vgic.configLpi(intid, value);
        break;
      case K.LPI_MOVE:
        vgic.moveLpi(intid, vcpu);
        break;
      case K.LPI_CLEAR:
        vgic.clearLpi(intid);
        break;
      case K.LPI_PENDING:
        vgic.pendLpi(intid, value & 1);
        break;
      case K.LPI_FLUSH:
        vgic.dropLpis(vcpu);
        break;
      case K.GROUP:
        vgic.setGroupWord(vcpu, intid, value & 1);
        break;
      case K.GROUP_ONE:
        vgic.setGroup(vcpu, intid, value & 1, user);
        break;
      case K.DIST_ENABLE:
        vgic.setDistEnable(on);
        break;
      case K.HW_MAP:
        vgic.mapHw(vcpu, intid, value);
        break;
      case K.HW_UNMAP:
        vgic.unmapHw(vcpu, intid);
        break;
      case K.PHYS_LINE:
        vgic.physLine(physRowOf(nrVcpus, vcpu, intid), value & 1);
        break;
      case K.MMIO_DIST:
        vgic.writeDist(vcpu, intid, value);
        break;
      case K.MMIO_REDIST:
        vgic.writeRedist(vcpu, intid, value);
        break;
      case K.SGI_PEND:
        vgic.setSgiSources(vcpu, intid, value & 0xff, value < 0);
        break;
      case K.PENDING_QUERY:
        vgic.pendingTest(vcpu);
        break;
      case K.PMR:
        pmr[vcpu] = value & 0xff;
        break;
      case K.LINE_LEVEL:
        vgic.lineLevel(vcpu, intid, value & 1);
        break;
      case K.GUEST_LR_STATE:
        vgic.setLrState(vcpu, intid, value & 3);
        break;
      case K.GUEST_DRAIN:
        vgic.drain(vcpu);
        break;
      case K.FOLD:
        fold(vcpu);
        break;
      case K.PRUNE:
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
      case K.INJECT:
        inject(vcpu, word >>> INTID_SHIFT, value & 1);
        break;
      case K.FLUSH:
        flush(vcpu);
        digestLrs(vcpu);
        break;
      case K.SYNC:
        sync(vcpu);
        break;
      case K.ACK:
        ack(vcpu, word >>> INTID_SHIFT, value);
        break;
      case K.EOI:
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
