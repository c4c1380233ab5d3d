/** Which recordings in traces/recorded are of hostile guests (manifest: kind "attack"), and which rows of vgic-spec 8.2 they do. */

export interface HostileRecording {
  /** traces/recorded/<name>.vgt */
  readonly name: string;
  /** Rows that the guest's program does, as the manifest describes it. */
  readonly rows: readonly number[];
}

export const HOSTILE_RECORDINGS: readonly HostileRecording[] = [
  { name: 'bare-affinity', rows: [6] },
  { name: 'bare-enable-storm', rows: [3, 16] },
  { name: 'bare-flood-big', rows: [1] },
  { name: 'bare-flood', rows: [1] },
  { name: 'bare-gicv2-sgi', rows: [5, 22] },
  { name: 'bare-no-eoi', rows: [11, 12] },
  { name: 'bare-prio-churn', rows: [2] },
  { name: 'bare-sgi-storm', rows: [5] },
];
