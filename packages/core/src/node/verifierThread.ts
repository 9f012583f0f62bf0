/** A thread of the parallel verifier: takes pieces of each job that it is told of. */
import { parentPort } from 'node:worker_threads';
import { type SharedChecks, workOn } from './sharedChecks.js';

parentPort?.on('message', (job: SharedChecks) => workOn(job));
