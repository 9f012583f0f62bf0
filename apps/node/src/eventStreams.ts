/**
 * `/v1/events`: server-sent events with a cursor, so that a gateway that was away misses nothing. A heartbeat at least
 * every 2 s shows that the stream is alive. A reader that can't keep up is cut off and comes back with its cursor.
 */

import { hexBytes } from '@radpass/client/node';
import type { Chain } from '@radpass/ledger';
import type { Request, Response } from 'express';
import { NodeError } from './errors.js';

const maxStreams = 64;
const maxStreamsPerAddress = 8;
const heartbeatMs = 2000;
const maxBufferedBytes = 1024 * 1024;

export class EventStreams {
  readonly #chain: Chain;
  readonly #open = new Map<string, number>();
  readonly #responses = new Set<Response>();

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  follow(cursor: number, address: string, response: Response): void {
    const mine = this.#open.get(address) ?? 0;
    if (this.#responses.size >= maxStreams || mine >= maxStreamsPerAddress) {
      throw new NodeError({ code: 'NODE_BUSY', limit: maxStreamsPerAddress }, 'too many event streams are open');
    }
    this.#open.set(address, mine + 1);
    this.#responses.add(response);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    let last = cursor;
    const write = (kind: string, data: object): void => {
      if (response.writableLength > maxBufferedBytes) response.destroy();
      else response.write(`id: ${last}\nevent: ${kind}\ndata: ${JSON.stringify(data, hexBytes)}\n\n`);
    };
    const stop = this.#chain.events(cursor, ({ cursor: at, kind, ...data }) => {
      last = at;
      write(kind, data);
    });
    const heartbeat = setInterval(() => write('heartbeat', {}), heartbeatMs);
    write('heartbeat', {});
    response.on('close', () => {
      stop();
      clearInterval(heartbeat);
      this.#responses.delete(response);
      const left = (this.#open.get(address) ?? 1) - 1;
      if (left > 0) this.#open.set(address, left);
      else this.#open.delete(address);
    });
  }

  /** End every stream, so that the server can close. */
  close(): void {
    for (const response of this.#responses) response.destroy();
  }
}

export function streamEvents(streams: EventStreams, request: Request, response: Response): void {
  const asked = Number(request.query.cursor ?? request.get('last-event-id') ?? 0);
  if (!Number.isSafeInteger(asked) || asked < 0) {
    throw new NodeError({ code: 'NODE_REQUEST', reason: 'cursor' }, 'cursor: expected a whole number');
  }
  streams.follow(asked, request.socket.remoteAddress ?? '', response);
}
