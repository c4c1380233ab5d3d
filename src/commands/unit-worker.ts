/** A worker process of a run: one unit after another. */
import { type Answer, createUnitRunner, type Job } from './unit-runner.js';

// Ctrl-C reaches all processes of a terminal; the main one says what is kept, and ends the others.
process.on('SIGINT', () => {});
// Without the main process nobody wants the results.
process.on('disconnect', () => process.exit());

const runner = createUnitRunner();

export default (job: Job): Promise<Answer> => runner.run(job);
