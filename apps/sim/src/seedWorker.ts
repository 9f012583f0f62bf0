/** What runs on a thread: seeds of one scenario, one after the other, as seedThread.ts asks for them. */
import { parentPort, workerData } from 'node:worker_threads';
import { nodeVerifier, sha256Node } from '@radpass/core/node';
import { scenarios } from '@radpass/ledger/sim';
import { PartLines, type Place } from './partLines.js';
import type { Answer, Task } from './seedThread.js';

const { scenario: name, options, shareWork, place } = workerData as Task & { place?: Place };
const scenario = scenarios.get(name)!;
const tell = (answer: Answer): void => parentPort!.postMessage(answer);
const lines = place && new PartLines(place);

parentPort!.on('message', (seed: number) => {
  const context = { seed, shareWork, verifier: nodeVerifier, hash: sha256Node, part: lines?.begin() };
  const progress = (done: number, of: number): void => tell({ done, of });
  void scenario.play(options, { ...context, progress }).then(outcome => tell({ outcome }));
});
