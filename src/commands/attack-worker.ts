/** A worker process of `attack`: runs jobs, one after another. */
import { createJobRunner, type Job, type JobResult } from '../attack/job.js';

// Ctrl-C reaches all processes of a terminal; the main one saves the search and ends.
process.on('SIGINT', () => {});

const runJob: (job: Job) => JobResult = createJobRunner();
export default runJob;
