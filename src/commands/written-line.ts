/** The line that says which trace was written. */
import type { TraceHeader } from '../trace/header.js';

export function describeWritten(output: string, { fidelity, machine }: TraceHeader, events: number): string {
  const { nrVcpus, nrLr, model } = machine;
  const name = output === '-' ? 'standard output' : output;
  return `${name}: ${events} events, L${fidelity}, ${nrVcpus} ${nrVcpus === 1 ? 'vCPU' : 'vCPUs'}, ${nrLr} LRs, ${model}`;
}
