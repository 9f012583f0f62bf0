/** A thread that plays seeds of one scenario, one at a time, or a part of each; seedWorker.ts runs on it. */
import { type MessagePort, Worker } from 'node:worker_threads';
import { Histogram, type Options, type SeedOutcome, type SeedPlayer } from '@radpass/ledger/sim';

/** What a thread plays; the scenario by its name. */
export interface Task {
  readonly scenario: string;
  readonly options: Options;
  readonly shareWork: boolean;
}

/** Which part of a world a thread plays, and its lines to the other parts, in their order. */
export interface PartTask {
  readonly index: number;
  readonly others: readonly MessagePort[];
}

/** Slots played so far, or what came of a seed. */
export type Answer = { readonly done: number; readonly of: number } | { readonly outcome: SeedOutcome };

export class SeedThread {
  readonly #worker: Worker;

  constructor(task: Task, part?: PartTask) {
    const workerData = { ...task, part };
    this.#worker = new Worker(new URL('./seedWorker.js', import.meta.url), {
      workerData,
      transferList: [...(part?.others ?? [])],
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
