/** A node's clock: the world's time plus an error that may drift and jump, and timers of one process. */
import type { ChainClock } from '../shell.js';
import type { Schedule } from './schedule.js';

export class SimClock implements ChainClock {
  readonly #schedule: Schedule;
  readonly #node: number;
  readonly #originMs: number;
  #timers = new Set<() => void>();
  /** Wall clock minus true time in ms, when it was last set. */
  #errorMs = 0;
  #setAtMs = 0;
  /** How much too fast the clock runs, in millionths. */
  #drift = 0;

  /** @param originMs - Unix time at the world's beginning */
  constructor(p: { schedule: Schedule; node: number; originMs: number }) {
    this.#schedule = p.schedule;
    this.#node = p.node;
    this.#originMs = p.originMs;
  }

  /** Wall clock minus true time in ms. Setting it lets the drift go on from there. */
  get errorMs(): number {
    return this.#errorMs + (this.#drift * (this.#schedule.now - this.#setAtMs)) / 1_000_000;
  }

  set errorMs(errorMs: number) {
    this.#errorMs = errorMs;
    this.#setAtMs = this.#schedule.now;
  }

  set drift(millionths: number) {
    const before = this.errorMs;
    this.errorMs = before;
    this.#drift = millionths;
  }

  now(): number {
    return this.#originMs + this.#schedule.now + this.errorMs;
  }

  monotonic(): number {
    return this.#schedule.now;
  }

  setTimeout(run: () => void, ms: number): () => void {
    const cancel = this.#schedule.addTimer({
      inMs: Math.max(1, ms),
      to: this.#node,
      from: this.#node,
      run: () => {
        this.#timers.delete(cancel);
        run();
      },
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  /** The process is gone, and its timers with it. */
  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers = new Set();
  }
}
