import { describe, expect, it } from '@jest/globals';
import type { RefusalReason } from '../dist/decide.js';
import { createLease, type Lease } from '../dist/lease.js';
import { Abandonment, sendUnderLease } from '../dist/transfer.js';

/** Sends some chunks, three of 300,000 bytes by default, under a lease that holds for as many questions. */
async function send(questions: number, writes = Number.POSITIVE_INFINITY, chunks = 3, chunkBytes = 300_000) {
  const seen = { written: 0, ended: false };
  let asked = 0;
  const lost = (): RefusalReason | null => (asked > questions ? 'revoked' : null);
  const lease: Lease = {
    lost,
    poke: () => undefined,
    end: () => undefined,
    async holds() {
      asked += 1;
      return lost() === null;
    },
  };
  const end = await sendUnderLease({
    source: (async function* () {
      for (let i = 0; i < chunks; i++) yield new Uint8Array(chunkBytes);
    })(),
    writer: {
      async write(chunk) {
        if (seen.written >= writes) throw new Error('gone');
        seen.written += chunk.length;
      },
      async end() {
        seen.ended = true;
      },
      bytesSent: () => seen.written,
    },
    lease,
    abandonment: new Abandonment(),
    report: error => {
      throw error;
    },
  });
  return { end, seen, asked };
}

describe('sendUnderLease', () => {
  it('asks before each piece of at most 256 KiB, and before the end', async () => {
    const { end, seen, asked } = await send(100);
    expect(end).toEqual({ outcome: 'complete', reason: '' });
    expect(seen).toEqual({ written: 900_000, ended: true });
    expect(asked).toBe(7);
  });

  it('sends nothing more, and no end, once the lease is lost: at any piece, the end too', async () => {
    for (let questions = 0; questions < 7; questions++) {
      const { end, seen } = await send(questions);
      expect(end).toEqual({ outcome: 'stopped', reason: 'revoked' });
      expect(seen.ended).toBe(false);
      expect(seen.written).toBe([0, 262_144, 300_000, 562_144, 600_000, 862_144, 900_000][questions]);
    }
  });

  it('keeps nothing of what it sent', async () => {
    const before = process.memoryUsage().arrayBuffers;
    await send(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 512, 1_048_576);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256 * 1_048_576);
  });

  it('tells a reader that left from a lease that was lost', async () => {
    const { end } = await send(100, 300_000);
    expect(end).toMatchObject({ outcome: 'disconnected', reason: '', error: expect.any(Error) });
  });
});

describe('createLease', () => {
  it('counts the age of a decision from before its facts were asked for', async () => {
    let now = 0;
    let answer: () => void = () => undefined;
    const lease = createLease({
      decidedAt: 0,
      isLate: true,
      monotonic: () => now,
      decideAgain: () => new Promise(resolve => (answer = () => resolve(null))),
      decideLocally: () => null,
      onLost: () => undefined,
    });
    expect(await lease.holds()).toBe(true);
    now = 1_001;
    let held: boolean | undefined;
    const waiting = lease.holds().then(holds => {
      held = holds;
    });
    // The answer to a question of 1,001 ms ago is an old one.
    answer();
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(held).toBeUndefined();
    lease.poke();
    answer();
    await waiting;
    expect(held).toBe(true);
    lease.end();
    expect(await lease.holds()).toBe(false);
  });

  it('stands on its decision when nothing happened since, but for a revocation that is here already', async () => {
    const begin = (local: RefusalReason | null) => {
      const asked: number[] = [];
      const lost: RefusalReason[] = [];
      const lease = createLease({
        decidedAt: 0,
        isLate: false,
        monotonic: () => 0,
        decideAgain: async () => {
          asked.push(0);
          return null;
        },
        decideLocally: () => local,
        onLost: reason => lost.push(reason),
      });
      return { lease, asked, lost };
    };
    const { lease, asked, lost } = begin(null);
    expect([await lease.holds(), asked.length, lost]).toEqual([true, 0, []]);
    lease.end();
    const revoked = begin('revoked');
    expect([await revoked.lease.holds(), revoked.lost]).toEqual([false, ['revoked']]);
  });

  it('asks again when something happened while it was asking, and loses once', async () => {
    const answers: ((reason: RefusalReason | null) => void)[] = [];
    const lost: RefusalReason[] = [];
    const lease = createLease({
      decidedAt: 0,
      isLate: true,
      monotonic: () => 0,
      decideAgain: () => new Promise(resolve => answers.push(resolve)),
      decideLocally: () => null,
      onLost: reason => lost.push(reason),
    });
    expect(answers.length).toBe(1);
    lease.poke();
    lease.poke();
    expect(answers.length).toBe(1);
    answers[0]!(null);
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(answers.length).toBe(2);
    answers[1]!('withdrawn');
    await new Promise(resolve => setTimeout(resolve, 5));
    lease.poke();
    expect(lost).toEqual(['withdrawn']);
    expect(lease.lost()).toBe('withdrawn');
    expect(await lease.holds()).toBe(false);
  });
});
