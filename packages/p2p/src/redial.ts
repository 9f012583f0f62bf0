/**
 * The configured peers are dialled for ever: soon after a connection is lost, then with growing pauses up to
 * `limits.maxRedialMs`. Others must find us.
 */
import { limits } from './limits.js';

export interface RedialInit {
  targets: readonly { address: string; peer: string | undefined }[];
  /** @returns the peer id that answered */
  dial(address: string): Promise<string>;
  isConnected(peer: string): boolean;
}

interface Target {
  readonly address: string;
  /** Known from the address or from an earlier connection. */
  peer: string | undefined;
  failures: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  dialing: boolean;
}

export class Redial {
  readonly #init: RedialInit;
  readonly #targets: Target[];
  #running = false;

  constructor(init: RedialInit) {
    this.#init = init;
    this.#targets = init.targets.map(target => ({ ...target, failures: 0, timer: undefined, dialing: false }));
  }

  /** Dial every peer that is not connected, now. */
  start(): void {
    this.#running = true;
    for (const target of this.#targets) {
      target.failures = 0;
      this.#schedule(target, 0);
    }
  }

  stop(): void {
    this.#running = false;
    for (const target of this.#targets) {
      clearTimeout(target.timer);
      target.timer = undefined;
    }
  }

  isConfigured(peer: string): boolean {
    return this.#targets.some(target => target.peer === peer);
  }

  /** The peer is connected and is one of ours. */
  confirmed(peer: string): void {
    for (const target of this.#targets) {
      if (target.peer === peer) target.failures = 0;
    }
  }

  /** To be called when a connection is lost, and now and then: whoever is missing and not waited for is dialled. */
  check(): void {
    for (const target of this.#targets) {
      if (target.timer === undefined) this.#schedule(target, limits.firstRedialMs);
    }
  }

  #schedule(target: Target, delayMs: number): void {
    if (!this.#running || target.dialing || this.#isConnected(target)) return;
    clearTimeout(target.timer);
    target.timer = setTimeout(() => {
      target.timer = undefined;
      void this.#attempt(target);
    }, delayMs);
  }

  async #attempt(target: Target): Promise<void> {
    if (!this.#running || this.#isConnected(target)) return;
    target.dialing = true;
    try {
      target.peer = await this.#init.dial(target.address);
    } catch {
      // Nobody there, or not for us: the next attempt will tell.
    } finally {
      target.dialing = false;
    }
    // Only a peer that was confirmed starts afresh: one that accepts and closes at once is not dialled in a tight loop.
    target.failures += 1;
    // Spread over ±20 %, so that nodes which lost each other do not keep colliding.
    const pause =
      Math.min(limits.maxRedialMs, limits.firstRedialMs * 2 ** target.failures) * (0.8 + 0.4 * Math.random());
    this.#schedule(target, pause);
  }

  #isConnected(target: Target): boolean {
    return target.peer !== undefined && this.#init.isConnected(target.peer);
  }
}
