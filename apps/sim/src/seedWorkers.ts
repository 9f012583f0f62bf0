/** Threads that play seeds side by side. A thread has a heap of its own, with room for what a world of many nodes throws away. */
import { Worker } from 'node:worker_threads';
import { Histogram, type Options, type SeedOutcome } from '@radpass/ledger/sim';

/** What a thread plays; the scenario by its name. */
export interface Task {
  readonly scenario: string;
  readonly options: Options;
  readonly shareWork: boolean;
}

/** Slots played so far, or what came of a seed. */
export type Answer = { readonly done: number; readonly of: number } | { readonly outcome: SeedOutcome };

const resourceLimits = { maxYoungGenerationSizeMb: 192 };

export class SeedWorkers {
  readonly #task: Task;
  readonly #all: Worker[] = [];
  readonly #idle: Worker[] = [];

  constructor(task: Task) {
    this.#task = task;
  }

  /** @param progress - told of each slot that was played */
  async play(seed: number, progress: (done: number, of: number) => void): Promise<SeedOutcome> {
    const worker = this.#idle.pop() ?? this.#start();
    const { finality, reorganised, ...rest } = await new Promise<SeedOutcome>((resolve, reject) => {
      worker.removeAllListeners().once('error', reject);
      worker.on('message', (answer: Answer) => {
        if ('outcome' in answer) resolve(answer.outcome);
        else progress(answer.done, answer.of);
      });
      worker.postMessage(seed);
    });
    this.#idle.push(worker);
    return { ...rest, finality: Histogram.from(finality), reorganised: Histogram.from(reorganised) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map(worker => worker.terminate()));
  }

  #start(): Worker {
    const worker = new Worker(new URL('./seedWorker.js', import.meta.url), { workerData: this.#task, resourceLimits });
    this.#all.push(worker);
    return worker;
  }
}
