/**
 * The lines between the threads that play one world: each turn, every part sends every other its letters, and takes those
 * that may arrive in the next. Most waits are shorter than waking up takes, so a thread looks again and again before it
 * sleeps.
 */
import { deserialize, serialize } from 'node:v8';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { type Letter, lagTurns, type Part } from '@radpass/ledger/sim';

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
  /** The next one that came: of the turn that is asked for, or of a later one. */
  #next: Parcel | undefined;

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

  /** What the other part sent in a turn, once it has ended it. Turns are asked for in their order; one may be left out. */
  receive(turn: number): Letter[] {
    this.#waitFor(turn);
    for (;;) {
      this.#next ??= (receiveMessageOnPort(this.#port) as { message: Parcel } | undefined)?.message;
      if (!this.#next || this.#next.turn > turn) return [];
      const { turn: sent, letters } = this.#next;
      this.#next = undefined;
      if (sent === turn) return (deserialize(letters) as Letter[]).map(owned);
    }
  }

  #waitFor(turn: number): void {
    for (;;) {
      const ended = Atomics.load(this.#ended, this.#part);
      if (ended >= turn) return;
      for (let looks = 0; looks < maxLooks && Atomics.load(this.#ended, this.#part) === ended; looks++);
      Atomics.wait(this.#ended, this.#part, ended);
    }
  }
}

export class PartLines {
  readonly #place: Place;
  readonly #parts: readonly number[];
  readonly #lines: readonly Line[];
  /** Turns that this part has ended, over all seeds. */
  #turn = 0;

  constructor(place: Place) {
    this.#place = place;
    this.#parts = Array.from(place.ended.keys()).filter(part => part !== place.index);
    this.#lines = place.others.map((port, i) => new Line(port, this.#parts[i]!, place.ended));
  }

  /** For one seed; all parts play the same ones. */
  begin(): Part {
    const { index, ended } = this.#place;
    const before = this.#turn;
    return {
      index,
      of: ended.length,
      exchange: async letters => {
        const turn = ++this.#turn;
        for (const [i, line] of this.#lines.entries()) line.send(turn, letters[this.#parts[i]!]!);
        Atomics.store(ended, index, turn);
        Atomics.notify(ended, index);
        const sent = turn + 1 - lagTurns;
        // What was sent in the last turns of the seed before concerns nobody.
        return sent > before ? this.#lines.flatMap(line => line.receive(sent)) : [];
      },
    };
  }
}

/** Bytes that are kept for long must not keep all that came with them. */
function owned(letter: Letter): Letter {
  if (letter.kind === 'answer') return { ...letter, blocks: letter.blocks.map(block => block.slice()) };
  if (letter.kind === 'question') return letter;
  const { topic, bytes } = letter.message;
  return { ...letter, message: { topic, bytes: bytes.slice() } };
}
