/** The way from a gateway to a DICOMweb archive: it counts the instances that are read, and can slow them down. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export class Throttle {
  /** How long an instance is on its way. */
  delayMs = 0;
  /** Instances that were read, by their paths. */
  readonly reads: string[] = [];
  /** The greatest number of questions that the archive had to answer at a time. */
  most = 0;
  readonly #server: Server;
  #open = 0;

  constructor(target: string) {
    this.#server = createServer(async (asked, answer) => {
      const path = asked.url ?? '';
      const isRead = /\/instances\/[^/?]+$/.test(path);
      if (isRead) this.reads.push(path);
      this.most = Math.max(this.most, ++this.#open);
      answer.once('close', () => {
        this.#open -= 1;
      });
      if (isRead) await pause(this.delayMs);
      const passedOn = request(target + path, { headers: asked.headers }, given => {
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      });
      passedOn.on('error', () => answer.destroy());
      passedOn.end();
    });
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
