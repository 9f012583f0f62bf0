/** Threads that play one seed together, each some of its nodes. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { joinParts, type PartFacts, type SeedOutcome, type SeedPlayer } from '@radpass/ledger/sim';
import { SeedThread, type Task } from './seedThread.js';

export class SeedTeam {
  readonly #threads: readonly SeedThread[];

  constructor(task: Task, size: number) {
    const others: MessagePort[][] = Array.from({ length: size }, () => []);
    for (let a = 0; a < size; a++) {
      for (let b = a + 1; b < size; b++) {
        const { port1, port2 } = new MessageChannel();
        others[a]!.push(port1);
        others[b]!.push(port2);
      }
    }
    const ended = new Int32Array(new SharedArrayBuffer(4 * size));
    this.#threads = others.map((ports, index) => new SeedThread(task, { index, others: ports, ended }));
  }

  readonly play: SeedPlayer = async (seed, progress) => {
    const nothing = (): void => undefined;
    const outcomes = await Promise.all(this.#threads.map(({ play }, i) => play(seed, i === 0 ? progress : nothing)));
    return joinParts(outcomes as (SeedOutcome & { part: PartFacts })[]);
  };

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(thread => thread.close()));
  }
}
