import { describe, expect, it } from '@jest/globals';
import { limits, type NetworkHandlers, type Verdict } from '@radpass/p2p';
import { BoundedMap } from '../dist/boundedMap.js';
import { Intake } from '../dist/intake.js';
import { RecentMessages } from '../dist/recent.js';
import { charges, PeerScores } from '../dist/score.js';
import { wireNames } from '../dist/topics.js';
import { chainId, pause, TestChain } from './nodes.js';

const message = (n: number, length = 4) => {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
};

describe('BoundedMap', () => {
  it('drops the oldest beyond its cap', () => {
    const map = new BoundedMap<number, string>(3);
    for (let i = 0; i < 5; i++) map.set(i, `v${i}`);
    map.set(3, 'again');
    expect(map.entries()).toEqual([
      [2, 'v2'],
      [3, 'again'],
      [4, 'v4'],
    ]);
  });

  it('drops the entry of least worth when it is told what is worth', () => {
    const map = new BoundedMap<string, number>(2, worth => worth);
    map.set('dear', 9);
    map.set('cheap', 1);
    map.set('new', 5);
    expect(map.entries().map(([key]) => key)).toEqual(['dear', 'new']);
  });
});

describe('PeerScores', () => {
  const at = (time: { ms: number }) => new PeerScores(() => time.ms);

  it('lowers the score by the fault, and halves it each half-life', () => {
    const time = { ms: 0 };
    const scores = at(time);
    expect(scores.score('p')).toBe(0);
    scores.charge('p', 'message rejected');
    expect(scores.score('p')).toBe(-charges['message rejected']);
    time.ms += limits.chargeHalfLifeMs;
    expect(scores.score('p')).toBeCloseTo(-charges['message rejected'] / 2);
    time.ms += 10 * limits.chargeHalfLifeMs;
    expect(scores.score('p')).toBe(0);
  });

  it('bans at the limit, and for its time', () => {
    const time = { ms: 0 };
    const scores = at(time);
    const rejects = Math.ceil(limits.banAt / charges['message rejected']);
    for (let i = 1; i < rejects; i++) expect(scores.charge('p', 'message rejected')).toBe(false);
    expect(scores.charge('p', 'message rejected')).toBe(true);
    time.ms += limits.banMs - 1;
    expect(scores.isBanned('p')).toBe(true);
    time.ms += 1;
    expect(scores.isBanned('p')).toBe(false);
    expect(scores.isBanned('q')).toBe(false);
  });

  it('keeps a banned peer banned when thousands of others misbehave', () => {
    const scores = at({ ms: 1 });
    scores.charge('bad', 'blocks bad');
    for (let i = 0; i < 3 * limits.maxScoredPeers; i++) scores.charge(`crowd ${i}`, 'message flood');
    expect(scores.isBanned('bad')).toBe(true);
  });
});

describe('Intake', () => {
  function intake(
    onTransaction: NetworkHandlers['onTransaction'],
    onBlock: NetworkHandlers['onBlock'] = onTransaction,
  ) {
    const chain = new TestChain(0);
    const charged: string[] = [];
    const accepted: string[] = [];
    const time = { ms: 0 };
    const under = new Intake({
      names: wireNames(chainId),
      handlers: {
        onTransaction,
        onBlock,
        onVote: onTransaction,
        status: () => chain.status(),
        locator: () => chain.locator(),
        async *blocksAfter() {
          yield* [];
        },
        importBlocks: async () => 'ok',
      },
      charge: (peer, fault) => charged.push(`${peer}: ${fault}`),
      onAccepted: (kind, bytes) => accepted.push(`${kind} ${bytes.length}`),
      log: () => undefined,
      now: () => time.ms,
    });
    return { under, charged, accepted, time };
  }

  it('rejects what is above its cap without asking the handler', async () => {
    const asked: number[] = [];
    const { under, charged } = intake(async bytes => {
      asked.push(bytes.length);
      return 'accept';
    });
    expect(await under.judge('transactions', message(1, limits.maxTransactionBytes + 1), 'p')).toBe('reject');
    expect(await under.judge('votes', message(1, limits.maxVoteBytes + 1), 'p')).toBe('reject');
    expect(await under.judge('votes', new Uint8Array(0), 'p')).toBe('reject');
    expect(await under.judge('transactions', message(1, limits.maxTransactionBytes), 'p')).toBe('accept');
    expect(asked).toEqual([limits.maxTransactionBytes]);
    expect(charged).toEqual(Array(3).fill('p: protocol broken'));
  });

  it('asks once for a message that comes from two peers at a time, and both get the verdict', async () => {
    let asked = 0;
    const { under, accepted } = intake(async () => {
      asked += 1;
      await pause(20);
      return 'accept';
    });
    const verdicts = await Promise.all(['p', 'q'].map(peer => under.judge('votes', message(1), peer)));
    expect(verdicts).toEqual(['accept', 'accept']);
    expect(await under.judge('votes', message(1), 'r')).toBe('ignore');
    expect([asked, accepted]).toEqual([1, ['votes 4']]);
    expect(await under.judge('transactions', message(1), 'r')).toBe('accept');
  });

  it('charges everyone who sends a rejected message, and judges an ignored one anew', async () => {
    const verdicts: Verdict[] = ['reject', 'ignore', 'accept'];
    const { under, charged } = intake(async () => verdicts.shift() ?? 'accept');
    expect(await under.judge('votes', message(1), 'p')).toBe('reject');
    expect(await under.judge('votes', message(1), 'q')).toBe('reject');
    expect(charged).toEqual(['p: message rejected', 'q: message rejected']);
    expect(await under.judge('votes', message(2), 'p')).toBe('ignore');
    expect(await under.judge('votes', message(2), 'p')).toBe('accept');
  });

  it('does not judge an own message that comes back', async () => {
    let asked = 0;
    const { under } = intake(async () => {
      asked += 1;
      return 'accept';
    });
    under.publish('votes', message(1));
    expect(await under.judge('votes', message(1), 'p')).toBe('ignore');
    expect(asked).toBe(0);
  });

  it('keeps one peer from filling the judges, and all peers together too', async () => {
    let open = () => {};
    const gate = new Promise<void>(resolve => {
      open = resolve;
    });
    const { under, charged } = intake(async () => {
      await gate;
      return 'accept';
    });
    const flood = Array.from({ length: 400 }, (_, i) => under.judge('transactions', message(i), 'p'));
    await pause(1);
    expect(under.pending('transactions')).toBe(limits.maxJudgedTransactionsPerPeer);
    for (let peer = 0; peer < 8; peer++) {
      for (let i = 0; i < 300; i++)
        flood.push(under.judge('transactions', message(1_000 + peer * 300 + i), `p${peer}`));
    }
    const vote = under.judge('votes', message(1), 'p');
    await pause(1);
    expect(under.pending('transactions')).toBe(limits.maxJudgedTransactionsPerPeer * limits.judgedPeersAtOnce);
    expect(under.pending('votes')).toBe(1);
    open();
    await under.idle();
    expect(await vote).toBe('accept');
    expect((await Promise.all(flood)).filter(verdict => verdict === 'accept')).toHaveLength(
      limits.maxJudgedTransactionsPerPeer * limits.judgedPeersAtOnce,
    );
    expect(charged.filter(line => line === 'p: message flood')).toHaveLength(400 - limits.maxJudgedTransactionsPerPeer);
    expect(under.pending()).toBe(0);
  });

  it('ignores and charges a peer above its rate, until time has passed', async () => {
    const { under, charged, time } = intake(async () => 'ignore');
    for (let i = 0; i < limits.messageBurst; i++) await under.judge('votes', message(i), 'p');
    expect(charged).toEqual([]);
    await under.judge('votes', message(1), 'p');
    expect(charged).toEqual(['p: message flood']);
    time.ms += 10;
    for (let i = 0; i < 11; i++) await under.judge('votes', message(i), 'p');
    expect(charged).toEqual(['p: message flood', 'p: message flood']);
  });
});

describe('RecentMessages', () => {
  it('keeps by count and by bytes, drops by age, and never keeps blocks', () => {
    const time = { ms: 0 };
    const recent = new RecentMessages(() => time.ms);
    recent.add('blocks', message(0), 'block');
    for (let i = 0; i < limits.maxRecentMessages + 10; i++) recent.add('votes', message(i), `${i}`);
    expect(recent.since(0)).toHaveLength(limits.maxRecentMessages);
    expect(recent.since(0)[0]).toEqual({ kind: 'votes', bytes: message(10), id: '10', at: 0 });
    for (let i = 0; i < 300; i++) recent.add('transactions', message(i, 4_096), `t${i}`);
    expect(recent.since(0).reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(
      limits.maxRecentBytes,
    );
    time.ms = 1_000;
    recent.add('transactions', message(299, 4_096), 't299');
    recent.add('votes', message(1), 'late');
    expect(recent.since(1_000)).toHaveLength(2);
    time.ms = limits.recentAgeMs + 1;
    expect(recent.since(0)).toHaveLength(2);
    time.ms = limits.recentAgeMs + 1_001;
    expect(recent.since(0)).toEqual([]);
  });
});
