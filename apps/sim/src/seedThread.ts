/** A thread that plays seeds of one scenario, one at a time, or a part of each; seedWorker.ts runs on it. */
import { Worker } from 'node:worker_threads';
import { Histogram, type Options, type SeedOutcome, type SeedPlayer } from '@radpass/ledger/sim';
import type { Place } from './partLines.js';

/** What a thread plays; the scenario by its name. */
export interface Task {
  readonly scenario: string;
  readonly options: Options;
  readonly shareWork: boolean;
}

/** Slots played so far, or what came of a seed. */
export type Answer = { readonly done: number; readonly of: number } | { readonly outcome: SeedOutcome };

export class SeedThread {
  readonly #worker: Worker;

  constructor(task: Task, place?: Place) {
    this.#worker = new Worker(new URL('./seedWorker.js', import.meta.url), {
      workerData: { ...task, place },
      transferList: [...(place?.others ?? [])],
    });
  }

  readonly play: SeedPlayer = async (seed, progress) => {
    const worker = this.#worker;
    const { finality, reorganised, ...rest } = await new Promise<SeedOutcome>((resolve, reject) => {
      worker.removeAllListeners().once('error', reject);
      worker.on('message', (answer: Answer) => {
        if ('outcome' in answer) resolve(answer.outcome);
        else progress(answer.done, answer.of);
      });
      worker.postMessage(seed);
    });
    return { ...rest, finality: Histogram.from(finality), reorganised: Histogram.from(reorganised) };
  };

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
