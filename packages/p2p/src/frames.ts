/**
 * Length-prefixed frames over a libp2p stream, each with a cap and a time. All reading of remote bytes outside gossip
 * goes through here, so that a slow, endless or truncated remote costs a bounded time and a bounded buffer.
 */
import { once } from 'node:events';
import type { Stream } from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import { CodedError } from '@radpass/core';
import { P2pError } from './errors.js';

export interface FrameLimits {
  /** One frame, bytes. */
  maxFrameBytes: number;
  /** All that may wait unread, bytes. */
  maxBufferBytes: number;
  /** For one frame. */
  timeoutMs: number;
  what: 'status' | 'frame' | 'recent';
}

export class Frames {
  readonly #stream: Stream;
  readonly #frames: ReturnType<typeof lpStream>;
  readonly #limits: FrameLimits;
  readonly #signal: AbortSignal | undefined;
  #remoteEnded = false;

  /** @param signal - ends every wait at once, e.g. the deadline of the whole answer */
  constructor(stream: Stream, frameLimits: FrameLimits, signal?: AbortSignal) {
    this.#stream = stream;
    this.#limits = frameLimits;
    this.#signal = signal;
    stream.addEventListener('remoteCloseWrite', () => {
      this.#remoteEnded = true;
    });
    this.#frames = lpStream(stream, {
      maxDataLength: frameLimits.maxFrameBytes,
      maxBufferSize: frameLimits.maxBufferBytes,
    });
  }

  /** @throws P2pError P2P_TIMEOUT, P2P_FRAME */
  async read(): Promise<Uint8Array> {
    return this.#timed(async signal => (await this.#frames.read({ signal })).slice());
  }

  /** Waits while the remote takes no more. @throws P2pError P2P_TIMEOUT, P2P_FRAME */
  async write(frame: Uint8Array): Promise<void> {
    await this.#timed(signal => this.#frames.write(frame, { signal }));
  }

  /** Say that nothing more comes, and wait until it is handed to the transport. */
  async end(): Promise<void> {
    await this.#timed(signal => this.#stream.close({ signal }));
  }

  /** Wait until the remote says that nothing more comes of it either. @throws P2pError P2P_TIMEOUT, P2P_FRAME */
  async remoteEnd(): Promise<void> {
    await this.#timed(async signal => {
      if (this.#remoteEnded) return;
      if (this.#stream.status !== 'open') throw new Error('closed');
      await once(this.#stream, 'close', { signal });
      if (!this.#remoteEnded) throw new Error('closed');
    });
  }

  /** Drop the stream at once; unsent and unread bytes are lost. */
  abort(reason: Error): void {
    this.#stream.abort(reason);
  }

  async #timed<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(this.#limits.timeoutMs);
    const signal = this.#signal === undefined ? late : AbortSignal.any([late, this.#signal]);
    try {
      return await task(signal);
    } catch (cause) {
      if (late.aborted) {
        const what = this.#limits.what;
        throw new P2pError({ code: 'P2P_TIMEOUT', what }, `no ${what} within ${this.#limits.timeoutMs} ms`, { cause });
      }
      if (this.#signal?.aborted === true) {
        throw new P2pError({ code: 'P2P_TIMEOUT', what: 'batch' }, 'the whole answer took too long', { cause });
      }
      const name = cause instanceof Error ? cause.name : '';
      const reason =
        name === 'InvalidDataLengthError' || name === 'InvalidDataLengthLengthError' || name === 'StreamBufferError'
          ? 'too large'
          : 'closed early';
      throw new P2pError({ code: 'P2P_FRAME', reason }, `the remote's stream ended badly: ${reason}`, { cause });
    }
  }
}

/** Bytes that no honest node sends, as opposed to a stream that just ended: the remote's fault. */
export function isProtocolBreach(error: unknown): boolean {
  if (error instanceof P2pError) return error.detail.code === 'P2P_FRAME' && error.detail.reason !== 'closed early';
  return error instanceof CodedError && error.code === 'CORE_DECODE';
}
