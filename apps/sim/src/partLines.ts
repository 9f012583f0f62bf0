/**
 * The lines between the threads that play one world: each turn, every part sends every other its letters, then waits for
 * theirs. Most turns are shorter than waking up takes, so a thread looks again and again for a while before it sleeps.
 */
import { deserialize, serialize } from 'node:v8';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Letter, Part } from '@radpass/ledger/sim';

/** Which part of a world a thread plays, and its lines to the other parts, in their order. */
export interface Place {
  readonly index: number;
  readonly others: readonly MessagePort[];
  /** By part: the turns that it has ended. */
  readonly ended: Int32Array<SharedArrayBuffer>;
}

/** Letters of a turn; a turn without any sends none. */
interface Parcel {
  readonly turn: number;
  readonly letters: Uint8Array;
}

/** How often a thread looks, about a millisecond in all. */
const maxLooks = 20_000;

/** One end of the line to another part. */
class Line {
  readonly #port: MessagePort;
  readonly #part: number;
  readonly #ended: Place['ended'];
  /** Of a turn to come: a part may be one ahead. */
  #early: Parcel | undefined;

  constructor(port: MessagePort, part: number, ended: Place['ended']) {
    this.#port = port;
    this.#part = part;
    this.#ended = ended;
  }

  send(turn: number, letters: readonly Letter[]): void {
    if (letters.length === 0) return;
    const parcel: Parcel = { turn, letters: serialize(letters) };
    this.#port.postMessage(parcel);
  }

  /** What the other part sent in a turn, once it has ended it. */
  receive(turn: number): Letter[] {
    for (;;) {
      const ended = Atomics.load(this.#ended, this.#part);
      if (ended >= turn) break;
      for (let looks = 0; looks < maxLooks && Atomics.load(this.#ended, this.#part) === ended; looks++);
      Atomics.wait(this.#ended, this.#part, ended);
    }
    this.#early ??= (receiveMessageOnPort(this.#port) as { message: Parcel } | undefined)?.message;
    if (this.#early?.turn !== turn) return [];
    const { letters } = this.#early;
    this.#early = undefined;
    return (deserialize(letters) as Letter[]).map(owned);
  }
}

export function partAt({ index, others, ended }: Place): Part {
  const parts = Array.from(ended.keys()).filter(part => part !== index);
  const lines = others.map((port, i) => new Line(port, parts[i]!, ended));
  let turn = 0;
  return {
    index,
    of: ended.length,
    async exchange(letters) {
      turn++;
      for (const [i, line] of lines.entries()) line.send(turn, letters[parts[i]!]!);
      Atomics.store(ended, index, turn);
      Atomics.notify(ended, index);
      return lines.flatMap(line => line.receive(turn));
    },
  };
}

/** Bytes that are kept for long must not keep all that came with them. */
function owned(letter: Letter): Letter {
  if (letter.kind === 'answer') return { ...letter, blocks: letter.blocks.map(block => block.slice()) };
  if (letter.kind === 'question') return letter;
  const { topic, bytes } = letter.message;
  return { ...letter, message: { topic, bytes: bytes.slice() } };
}
