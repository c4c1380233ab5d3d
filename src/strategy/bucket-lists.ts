/** FIFOs with a bitmap of those that are not empty, per vCPU: what the bucket strategies are built of. */
import { int32Column, uint16Column } from '../vgic/columns.js';
import type { VgicState } from '../vgic/state.js';

export interface BucketLists {
  readonly next: Int32Array;
  /** Bucket of each linked row. */
  readonly bucketOf: Uint16Array;
  /** Bit b % 32 of word b / 32 says that bucket b holds something; `nrBitmaps` words a vCPU. */
  readonly bitmap: Int32Array;
  readonly nrBitmaps: number;
  /** The row that begins and ends a bucket's circular list, behind the rows of interrupts as in linked-list.ts. */
  anchorOf(vcpu: number, bucket: number): number;
  link(vcpu: number, slot: number, bucket: number): void;
  unlink(vcpu: number, slot: number): void;
}

export function createBucketLists(s: VgicState, nrBuckets: number): BucketLists {
  const { nrVcpus } = s;
  const anchors = s.nrSlots;
  const nrBitmaps = (nrBuckets + 31) >> 5;
  const next = int32Column(anchors + nrVcpus * nrBuckets);
  const prev = int32Column(anchors + nrVcpus * nrBuckets);
  for (let anchor = anchors; anchor < next.length; anchor++) next[anchor] = prev[anchor] = anchor;
  const bucketOf = uint16Column(s.nrSlots);
  const bitmap = int32Column(nrVcpus * nrBitmaps);

  const anchorOf = (vcpu: number, bucket: number): number => anchors + vcpu * nrBuckets + bucket;

  return {
    next,
    bucketOf,
    bitmap,
    nrBitmaps,
    anchorOf,
    link(vcpu, slot, bucket) {
      bucketOf[slot] = bucket;
      const anchor = anchorOf(vcpu, bucket);
      const last = prev[anchor];
      prev[slot] = last;
      next[slot] = anchor;
      next[last] = slot;
      prev[anchor] = slot;
      bitmap[vcpu * nrBitmaps + (bucket >> 5)] |= 1 << (bucket & 31);
    },
    unlink(vcpu, slot) {
      const before = prev[slot];
      const after = next[slot];
      next[before] = after;
      prev[after] = before;
      // The same row on both sides is the anchor: the bucket is empty.
      if (before === after) {
        const bucket = bucketOf[slot];
        bitmap[vcpu * nrBitmaps + (bucket >> 5)] &= ~(1 << (bucket & 31));
      }
    },
  };
}
