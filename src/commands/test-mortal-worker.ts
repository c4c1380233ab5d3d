/** A worker of tests: squares a number; dies by SIGKILL at a job that says so, once or every time. */
import { existsSync, writeFileSync } from 'node:fs';

export interface MortalJob {
  readonly value: number;
  /** "always", or a file that is made by the death that it stops from happening again. */
  readonly dies?: string;
}

export default function square({ value, dies }: MortalJob): number {
  if (dies === 'always' || (dies !== undefined && !existsSync(dies))) {
    if (dies !== 'always') writeFileSync(dies, '');
    process.kill(process.pid, 'SIGKILL');
  }
  return value * value;
}
