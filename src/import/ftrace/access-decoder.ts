/** kvm_mmio and user-space access lines → the register write they show. */

import { readVcpu } from './fields.js';
import { ItsCommands } from './its-commands.js';
import { readNumber, readToken, splitWords, type TraceLine } from './line.js';
import { type DecodedWrite, decodeLineLevels, decodeWrite } from './registers.js';
import type { FtraceSurvey } from './survey.js';

/** Guest-physical map of QEMU `virt` and of the recordings' own VMM. */
const DIST_BASE = 0x08000000;
const DIST_SIZE = 0x10000;
const ITS_BASE = 0x08080000;
const GITS_CWRITER = ITS_BASE + 0x88;
const REDIST_BASE = 0x080a0000;
const REDIST_STRIDE = 0x20000;
const SGI_FRAME = 0x10000;
const MIRROR_BASE = 0x0a000040;
const MIRROR_END = 0x0a000058;
/** No effect on any interrupt. */
const NOTHING: DecodedWrite = { queueing: [], silent: [], halts: false };

export class AccessDecoder {
  readonly #survey: FtraceSurvey;
  readonly #its = new ItsCommands();

  constructor(survey: FtraceSurvey) {
    this.#survey = survey;
  }

  /** A kvm_mmio line of the thread of `vcpu` (-1: of no vCPU). Undefined: the line is broken. */
  decodeMmio({ text }: TraceLine, vcpu: number): DecodedWrite | undefined {
    if (!text.startsWith('mmio write ')) return NOTHING;
    const address = readNumber(text, 'gpa ');
    const length = readNumber(text, 'len ');
    const words = splitWords(readToken(text, 'val '));
    if (words === undefined || Number.isNaN(address) || !(length >= 1 && length <= 8)) return undefined;
    const { lo, hi } = words;
    if (address >= MIRROR_BASE && address < MIRROR_END && length === 8) {
      this.#its.word((address - MIRROR_BASE) >> 3, lo, hi);
      return NOTHING;
    }
    if (address === GITS_CWRITER) {
      const { steps, words } = this.#its.take();
      return { ...NOTHING, silent: steps, itsWords: words };
    }
    if (vcpu < 0) return NOTHING;
    const { model, nrSpis, nrVcpus } = this.#survey;
    const base = { model, nrSpis, length, lo, hi, writer: vcpu, user: false };
    if (address >= DIST_BASE && address < DIST_BASE + DIST_SIZE) {
      return decodeWrite({ ...base, frame: 'dist', offset: address - DIST_BASE, owner: vcpu });
    }
    const owner = Math.floor((address - REDIST_BASE) / REDIST_STRIDE);
    const offset = (address - REDIST_BASE) % REDIST_STRIDE;
    if (owner < 0 || owner >= nrVcpus || offset < SGI_FRAME) return NOTHING;
    return decodeWrite({ ...base, frame: 'redist', offset: offset - SGI_FRAME, owner });
  }

  /** A uaccess_dist, uaccess_redist or uaccess_line line. Undefined: the line is broken. */
  decodeUser({ event, text }: TraceLine): DecodedWrite | undefined {
    if (readNumber(text, 'wr=') !== 1) return NOTHING;
    const vcpu = readVcpu(this.#survey, text, 'vcpu=');
    const words = splitWords(readToken(text, 'val='));
    const { model, nrSpis } = this.#survey;
    if (vcpu < 0 || words === undefined) return undefined;
    const { lo } = words;
    if (event === 'uaccess_line') {
      const first = readNumber(text, 'intid=');
      return Number.isNaN(first) ? undefined : decodeLineLevels(vcpu, first, lo, nrSpis);
    }
    const offset = readNumber(text, 'off=');
    if (Number.isNaN(offset)) return undefined;
    const base = { model, nrSpis, length: 4, lo, hi: 0, writer: vcpu, owner: vcpu, user: true };
    if (event === 'uaccess_dist') return decodeWrite({ ...base, frame: 'dist', offset });
    return offset < SGI_FRAME ? NOTHING : decodeWrite({ ...base, frame: 'redist', offset: offset - SGI_FRAME });
  }
}
