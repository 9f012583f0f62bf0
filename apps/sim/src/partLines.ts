/** The lines between the threads that play one world: each turn, every part sends every other one letter of letters. */
import { deserialize, serialize } from 'node:v8';
import type { MessagePort } from 'node:worker_threads';
import type { Letter, Part } from '@radpass/ledger/sim';
import type { PartTask } from './seedThread.js';

/** What came on a line and waits for its turn: a part may be one turn ahead of another. */
class Line {
  readonly #port: MessagePort;
  readonly #came: Uint8Array[] = [];
  #wake = (): void => undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (bytes: Uint8Array) => {
      this.#came.push(bytes);
      this.#wake();
    });
  }

  send(letters: readonly Letter[]): void {
    this.#port.postMessage(serialize(letters));
  }

  async receive(): Promise<Letter[]> {
    while (this.#came.length === 0) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    return (deserialize(this.#came.shift()!) as Letter[]).map(owned);
  }
}

/** Bytes that are kept for long must not keep all that came with them. */
function owned(letter: Letter): Letter {
  if (letter.kind === 'answer') return { ...letter, blocks: letter.blocks.map(block => block.slice()) };
  if (letter.kind === 'question') return letter;
  const { topic, bytes } = letter.message;
  return { ...letter, message: { topic, bytes: bytes.slice() } };
}

export function partOver({ index, others }: PartTask): Part {
  const lines = others.map(port => new Line(port));
  return {
    index,
    of: lines.length + 1,
    async exchange(letters) {
      const toOthers = letters.filter((_, to) => to !== index);
      for (const [i, line] of lines.entries()) line.send(toOthers[i]!);
      return (await Promise.all(lines.map(line => line.receive()))).flat();
    },
  };
}
