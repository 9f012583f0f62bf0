/**
 * One process that holds a node key: opens its record, looks at what the others have seen of the key, and tries to sign
 * whatever a careless node might. Prints one line an attempt: what was signed, or the code of the refusal.
 */
import { rmSync, writeSync } from 'node:fs';
import { SecretKey } from '@radpass/core';
import { LedgerError } from '../../dist/errors.js';
import { createSigningRecord, openNodeSigner, type Restore } from '../../dist/level/index.js';
import { contradictionOf } from '../../dist/signingCheck.js';

export interface ChildTask {
  readonly recordPath: string;
  readonly seed: number;
  /** Slot that the machine's clock shows. */
  readonly clockSlot: number;
  readonly attempts: number;
  /** Highest slots of the key's signatures that the network has seen. */
  readonly shown: { readonly block: number; readonly vote: number };
  readonly restore?: Restore;
  /** Holds the record until its standard input ends. */
  readonly lingers?: boolean;
  /** A planted fault: the record is made anew. */
  readonly forgets?: boolean;
}

export const childKey = SecretKey.fromSeed(new Uint8Array(32).fill(7), 'node');
export const childChain = new Uint8Array(32).fill(1);
const say = (line: string): void => void writeSync(1, `${line}\n`);

/** Numbers that look random and are the same in every run (mulberry32). */
export function draws(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

async function attempt<T>(ask: () => Promise<T>, signed: string): Promise<void> {
  try {
    await ask();
    say(signed);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    say(`refused ${error.code}`);
  }
}

async function main(task: ChildTask): Promise<void> {
  const draw = draws(task.seed);
  if (task.forgets) {
    rmSync(task.recordPath, { recursive: true, force: true });
    await createSigningRecord(task.recordPath, childKey.publicKey);
  }
  const { recordPath, restore } = task;
  const signer = await openNodeSigner({ key: childKey, recordPath, chainId: childChain, restore });
  for (const what of ['block', 'vote'] as const) {
    const contradiction = contradictionOf(signer, what, task.shown[what]);
    if (contradiction && !task.forgets) throw contradiction;
  }
  const id = (): Uint8Array => new Uint8Array(32).fill(draw(3));
  for (let i = 0; i < task.attempts; i++) {
    const slot = Math.max(2, task.clockSlot + draw(9) - 6);
    if (draw(3) === 0) {
      const block = id();
      await attempt(() => signer.signBlock(slot, block), `block ${slot} ${block[0]}`);
    } else {
      const sourceSlot = Math.max(0, slot - 1 - draw(6));
      const era = Math.floor(slot / 40) - (draw(8) === 0 ? 1 : 0);
      const message = {
        rootId: new Uint8Array(32).fill(era & 0xff),
        sourceSlot,
        sourceId: id(),
        targetSlot: slot,
        targetId: id(),
      };
      const line = `vote ${era} ${sourceSlot} ${slot} ${message.sourceId[0]}${message.targetId[0]}`;
      await attempt(() => signer.signVote(message, Math.max(0, era)), line);
    }
  }
  if (task.lingers) await new Promise(resolve => process.stdin.resume().on('end', resolve));
  await signer.close();
}

const given = process.argv[2];
if (process.argv[1]?.endsWith('signingChild.js') && given) {
  try {
    await main(JSON.parse(given));
    say('done');
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    say(`closed ${error.code}`);
    process.exitCode = 1;
  }
}
