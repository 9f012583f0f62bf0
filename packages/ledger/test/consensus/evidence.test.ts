import { describe, expect, it } from '@jest/globals';
import { encodeCanonical, type PublicKey, sign, toHex } from '@radpass/core';
import fc from 'fast-check';
import { applyBlock } from '../../dist/applyBlock.js';
import { type Block, encodeHeader, parseBlock } from '../../dist/block.js';
import { weightOf } from '../../dist/consensus/chainTables.js';
import {
  type EquivocationKind,
  type Evidence,
  encodeEvidence,
  equivocation,
  kindOfRecord,
  parseEvidence,
} from '../../dist/consensus/evidence.js';
import { epochOf } from '../../dist/consensus/params.js';
import { encodeVoteMessage, type VoteMessage } from '../../dist/consensus/votes.js';
import { LedgerError } from '../../dist/errors.js';
import { committeeOfGenesis } from '../../dist/genesisState.js';
import { judgeEvidence, offencesOf, recordedIn } from '../../dist/offences.js';
import { jailTable } from '../../dist/tables.js';
import { type Link, seedKey, study, TestChain, verifier } from '../testChain.js';

const chain = new TestChain(4);
const { genesis } = chain;
const { chainId, params } = genesis;
const first = chain.extend(chain.start, 1);
const head = chain.grow(first, 6);
const voter = committeeOfGenesis(genesis).voters[1]!;
const voterKey = chain.keyOf(voter.nodeKey);

const vote = (sourceSlot: number, targetSlot: number, over: Partial<VoteMessage> = {}) => {
  const ids = { sourceId: chainId, targetId: first.view.id };
  const message: VoteMessage = { rootId: chainId, sourceSlot, targetSlot, ...ids, ...over };
  const bytes = encodeVoteMessage(message);
  return { bytes, signature: sign(voterKey, 'vote', chainId, bytes) };
};

/** Two headers of one slot by its leader. */
function doubleBlock(parent: Link, slot: number) {
  const { built, key } = chain.draft(parent, slot);
  const one = chain.seal(built.header, built.body, key);
  const two = chain.seal({ ...built.header, stateRoot: chainId }, built.body, key);
  const header = ({ headerBytes, signature }: Block) => ({ bytes: headerBytes, signature });
  return { key: key.publicKey, producer: built.header.producer, one: header(one), two: header(two) };
}

const twice = doubleBlock(head, 7);
const pairs: Record<EquivocationKind, { record: Uint8Array; sourceKey: PublicKey; slot: number }> = {
  doubleBlock: {
    record: encodeEvidence(equivocation('doubleBlock', twice.key, twice.one, twice.two)),
    sourceKey: twice.producer,
    slot: 7,
  },
  doubleVote: {
    record: encodeEvidence(equivocation('doubleVote', voter.nodeKey, vote(1, 5), vote(2, 5))),
    sourceKey: voter.sourceKey,
    slot: 5,
  },
  surroundVote: {
    record: encodeEvidence(equivocation('surroundVote', voter.nodeKey, vote(1, 6), vote(2, 4))),
    sourceKey: voter.sourceKey,
    slot: 6,
  },
};

/** A block of `slot` on `parent` whose state root is wrong, by the slot's leader. */
function invalidBlock(parent: Link, slot: number): Block {
  const { built, key } = chain.draft(parent, slot);
  return chain.seal({ ...built.header, stateRoot: chainId }, built.body, key);
}
const accuse = (block: Block): Uint8Array => encodeEvidence({ kind: 'invalidBlock', block: block.bytes });

const judge = (record: Uint8Array, parent: Link = head, slot = 8) =>
  judgeEvidence(record, parent.view.state, {
    genesis,
    parent: parent.view,
    slot,
    verifier,
    apply: (block, on) => applyBlock({ genesis, parent: on, block, verifier }),
  });

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof LedgerError && 'fault' in error.detail) return error.detail.fault;
    throw error;
  }
  return 'none';
}
const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    if (error instanceof LedgerError) return error.detail;
    throw error;
  }
  return null;
};

describe('evidence of two signatures', () => {
  it.each(Object.entries(pairs))('%s names the source whose key signed both', (kind, { record, sourceKey, slot }) => {
    expect(judge(record)).toEqual({ kind, sourceKey, slot });
    expect(encodeEvidence(parseEvidence(record))).toEqual(record);
    expect(kindOfRecord(record)).toBe(kind);
  });

  it.each(Object.entries(pairs))('%s takes the weight for jailEpochs and counts once', (kind, pair) => {
    const recorded = chain.extend(head, 8, { evidence: [pair.record] });
    expect(recorded.block!.body.evidence).toEqual([pair.record]);
    expect(jailTable.get(recorded.view.state, pair.sourceKey)).toBe(epochOf(8, params) + params.jailEpochs);
    const offence = { kind: kind as EquivocationKind, sourceKey: pair.sourceKey, slot: pair.slot };
    expect(offencesOf(recorded.block!.body, recorded.view.state)).toEqual([offence]);
    expect(recordedIn(recorded.view.state, offence)).toBe(8);
    expect(faultOf(() => judge(pair.record, recorded, 9))).toBe('known');
    // The producer leaves out what is known, and a block that repeats it is invalid.
    expect(chain.extend(recorded, 9, { evidence: [pair.record] }).block!.body.evidence).toEqual([]);
    const { built, key } = chain.draft(recorded, 9);
    const repeated = chain.bend(chain.seal(built.header, built.body, key), key, { body: { evidence: [pair.record] } });
    const refusal = { code: 'LEDGER_BLOCK_EVIDENCE', index: 0, fault: 'known' };
    expect(codeOf(() => chain.apply(recorded, repeated))).toEqual(refusal);
  });

  it('another pair of one offence changes nothing', () => {
    const recorded = chain.extend(head, 8, { evidence: [pairs.doubleVote.record] });
    const other = encodeEvidence(equivocation('doubleVote', voter.nodeKey, vote(1, 5), vote(3, 5)));
    expect(faultOf(() => judge(other, recorded, 9))).toBe('known');
    expect(judge(other).slot).toBe(5);
  });

  const wrong = (change: Partial<Extract<Evidence, { first: Uint8Array }>>, kind: EquivocationKind = 'doubleVote') =>
    encodeEvidence({ ...(parseEvidence(pairs[kind].record) as Extract<Evidence, { first: Uint8Array }>), ...change });
  const {
    first: a,
    firstSignature: sa,
    second: b,
    secondSignature: sb,
  } = parseEvidence(pairs.doubleVote.record) as Extract<Evidence, { first: Uint8Array }>;
  const honest = vote(4, 7);
  const otherRoot = vote(2, 5, { rootId: head.view.id });
  const stranger = seedKey('a stranger');
  const outside = (sourceSlot: number) => {
    const { bytes } = vote(sourceSlot, 5);
    return { bytes, signature: sign(stranger, 'vote', chainId, bytes) };
  };
  it.each([
    ['one thing twice', wrong({ second: a, secondSignature: sa }), 'order'],
    ['the two in the other order', wrong({ first: b, firstSignature: sb, second: a, secondSignature: sa }), 'order'],
    ['votes of two slots', encodeEvidence(equivocation('doubleVote', voter.nodeKey, vote(1, 5), honest)), 'no offence'],
    [
      'votes of two eras',
      encodeEvidence(equivocation('doubleVote', voter.nodeKey, vote(1, 5), otherRoot)),
      'no offence',
    ],
    [
      'a vote that lies beside',
      encodeEvidence(equivocation('surroundVote', voter.nodeKey, vote(2, 5), vote(2, 4))),
      'no offence',
    ],
    [
      'the inner vote first',
      encodeEvidence(equivocation('surroundVote', voter.nodeKey, vote(2, 4), vote(1, 6))),
      'no offence',
    ],
    [
      'a vote of the same target as a vote around it',
      encodeEvidence(equivocation('surroundVote', voter.nodeKey, vote(1, 5), vote(2, 5))),
      'no offence',
    ],
    [
      'headers of two slots',
      encodeEvidence(
        equivocation('doubleBlock', twice.key, twice.one, {
          bytes: head.block!.headerBytes,
          signature: head.block!.signature,
        }),
      ),
      'no offence',
    ],
    ["another key's signature", wrong({ nodeKey: committeeOfGenesis(genesis).voters[2]!.nodeKey }), 'signature'],
    ['one signature for both', wrong({ secondSignature: sa }), 'signature'],
    ['a signature of another purpose', wrong({ firstSignature: sign(voterKey, 'block', chainId, a) }), 'signature'],
    ['a signature of another network', wrong({ firstSignature: sign(voterKey, 'vote', head.view.id, a) }), 'signature'],
    [
      'a key of no source',
      encodeEvidence(equivocation('doubleVote', stranger.publicKey, outside(1), outside(2))),
      'unknown key',
    ],
    ['no header', wrong({ first: Uint8Array.of(0), second: Uint8Array.of(1) }, 'doubleBlock'), 'encoding'],
    ['no vote', wrong({ first: Uint8Array.of(0), second: Uint8Array.of(1) }), 'encoding'],
    ['no record', encodeCanonical([9]), 'encoding'],
    ['nothing', new Uint8Array(), 'encoding'],
    ['a kind that is none', encodeCanonical([5, chainId]), 'encoding'],
  ])('is refused: %s', (_what, record, fault) => {
    expect(faultOf(() => judge(record))).toBe(fault);
  });

  it('is refused for an offence of a later slot than the block', () => {
    expect(faultOf(() => judge(pairs.doubleBlock.record, head, 6))).toBe('time');
    expect(judge(pairs.doubleBlock.record, head, 7).slot).toBe(7);
  });

  it('is judged in a block by the same rule, also where native code refuses the signature', () => {
    const slow = { ...verifier, verifyStrict: () => false };
    const { built, key } = chain.draft(head, 8);
    const sealed = chain.seal(built.header, built.body, key);
    const holding = (record: Uint8Array) => chain.bend(sealed, key, { body: { evidence: [record] } });
    const run = (record: Uint8Array) =>
      codeOf(() => applyBlock({ genesis, parent: head.view, block: holding(record), verifier: slow }));
    const framed = wrong({ secondSignature: sa });
    expect(run(framed)).toEqual({ code: 'LEDGER_BLOCK_EVIDENCE', index: 0, fault: 'signature' });
    // Sound evidence is found sound, then the bent block's state root is wrong.
    expect(run(pairs.doubleVote.record)).toEqual({ code: 'LEDGER_BLOCK_STATE_ROOT' });
  });
});

describe('evidence of an invalid block', () => {
  const invalid = invalidBlock(head, 7);
  const later = chain.grow(head, 12);

  it('is recorded without taking weight', () => {
    const recorded = chain.extend(later, 13, { evidence: [accuse(invalid)] });
    const offence = { kind: 'invalidBlock', sourceKey: invalid.header.producer, slot: 7 };
    expect(offencesOf(recorded.block!.body, recorded.view.state)).toEqual([offence]);
    expect(jailTable.get(recorded.view.state, invalid.header.producer)).toBeUndefined();
    expect(faultOf(() => judge(accuse(invalid), recorded, 14))).toBe('known');
  });

  const { built, key } = chain.draft(head, 7);
  const sound = chain.seal(built.header, built.body, key);
  const bent = (change: Parameters<TestChain['bend']>[2], by = key) => chain.bend(sound, by, change);
  const branch = invalidBlock(chain.extend(first, 3), 5);
  const otherBody = { evidence: [], certificates: [], voteSets: [], transactions: [Uint8Array.of(1)] };
  const swapped = encodeCanonical([
    sound.headerBytes,
    sound.signature,
    encodeCanonical([[], [], [], [Uint8Array.of(1)]]),
  ]);
  it.each<[string, Uint8Array, string]>([
    ['a valid block', accuse(sound), 'valid block'],
    ["a body that is not the header's", encodeEvidence({ kind: 'invalidBlock', block: swapped }), 'body'],
    ['bytes that are no block', encodeEvidence({ kind: 'invalidBlock', block: Uint8Array.of(1) }), 'body'],
    ['a header that another key signed', accuse(bent({ header: { stateRoot: chainId } }, voterKey)), 'signature'],
    [
      'a slot that its producer does not lead',
      accuse(bent({ header: { producer: seedKey('x').publicKey } })),
      'leader',
    ],
    ['another network', accuse(bent({ header: { chainId: head.view.id } })), 'leader'],
    ['rules to come', accuse(bent({ header: { rulesVersion: 2 } })), 'body'],
    ['a slot that its parent has passed', accuse(bent({ header: { slot: 6 } })), 'leader'],
    ['a parent of another branch', accuse(branch), 'parent'],
    ['an accusation in it', accuse(bent({ body: { evidence: [accuse(invalid)] } })), 'nested'],
  ])('is refused for %s', (_what, record, fault) => {
    expect(faultOf(() => judge(record, later, 13))).toBe(fault);
  });

  it.each<[string, Block]>([
    ['a wrong height', bent({ header: { height: 99 } })],
    ['a wrong VRF proof', bent({ header: { vrfProof: new Uint8Array(80) } })],
    ['a transaction that is none', bent({ body: otherBody })],
    ['evidence that accuses nobody', bent({ body: { evidence: [Uint8Array.of(1)] } })],
  ])('holds for %s', (_what, block) => {
    expect(judge(accuse(block), later, 13)).toMatchObject({ kind: 'invalidBlock', slot: 7 });
  });

  it('is refused once the parent is too far back', () => {
    const slot = head.view.header.slot + params.evidenceWindowSlots;
    expect(judge(accuse(invalid), later, slot).slot).toBe(7);
    expect(faultOf(() => judge(accuse(invalid), later, slot + 1))).toBe('parent');
  });
});

describe('room for evidence', () => {
  const doubles = Array.from({ length: 17 }, (_, i) =>
    encodeEvidence(equivocation('doubleVote', voter.nodeKey, vote(0, 100 + i), vote(1, 100 + i))),
  );
  const late = chain.extend(head, 130);
  const { built, key } = chain.draft(late, 131);
  const sealed = chain.seal(built.header, built.body, key);

  it('a producer fills it and no more', () => {
    const block = chain.extend(late, 131, { evidence: doubles }).block!;
    expect(block.body.evidence).toEqual(doubles.slice(0, params.maxEvidence));
  });
  it('a second invalid block has none', () => {
    const [one, two] = [invalidBlock(late, 131), invalidBlock(late, 132)].map(accuse) as [Uint8Array, Uint8Array];
    const holder = chain.extend(late, 133, { evidence: [one, two, doubles[0]!] }).block!;
    expect(holder.body.evidence).toEqual([one, doubles[0]]);
    const both = chain.bend(sealed, key, { header: { slot: 133 }, body: { evidence: [one, two] } });
    const drafted = chain.draft(late, 133);
    const resealed = chain.bend(chain.seal(drafted.built.header, drafted.built.body, drafted.key), drafted.key, {
      body: both.body,
    });
    expect(codeOf(() => chain.apply(late, resealed))).toEqual({
      code: 'LEDGER_BLOCK_EVIDENCE',
      index: 1,
      fault: 'too many',
    });
  });
  it('is bounded in bytes, whatever they are', () => {
    const long = { body: { evidence: [new Uint8Array(params.maxEvidenceBytes - 2)] } };
    const detail = codeOf(() => chain.apply(late, chain.bend(sealed, key, long)));
    expect(detail).toMatchObject({ code: 'LEDGER_BLOCK_BYTES', part: 'evidence' });
  });
});

describe('jail', () => {
  it('takes effect through the tables: three epochs on, for jailEpochs epochs', () => {
    const own = new TestChain(4);
    const guilty = committeeOfGenesis(own.genesis).voters[0]!;
    const cast = (sourceSlot: number) => {
      const message = {
        rootId: own.genesis.chainId,
        sourceSlot,
        targetSlot: 2,
        sourceId: own.genesis.chainId,
        targetId: chainId,
      };
      const bytes = encodeVoteMessage(message);
      return { bytes, signature: sign(own.keyOf(guilty.nodeKey), 'vote', own.genesis.chainId, bytes) };
    };
    const record = encodeEvidence(equivocation('doubleVote', guilty.nodeKey, cast(0), cast(1)));
    const { slotsPerEpoch, jailEpochs } = own.genesis.params;
    const weights: number[] = [];
    let at = own.start;
    // Offence in epoch 1, before its end: snapshots at the ends of epochs 1 to 4 are without it.
    for (let epoch = 1; epoch <= 9; epoch++) {
      at = own.grow(at, epoch * slotsPerEpoch, slot => (slot === slotsPerEpoch ? { evidence: [record] } : {}));
      weights.push(weightOf(at.view.state, epoch, guilty.sourceKey) / 1e6);
      expect(committeeOfGenesis(own.genesis).voters[0]).toEqual(guilty);
    }
    expect(jailTable.get(at.view.state, guilty.sourceKey)).toBe(1 + jailEpochs);
    // Epoch n uses the snapshot at the end of n-3.
    expect(weights).toEqual([30, 30, 30, 0, 0, 0, 0, 30, 30]);
  });
});

describe('evidence that was changed', () => {
  const all = [...Object.values(pairs).map(({ record }) => record), accuse(invalidBlock(head, 7))];
  const sound = new Set(all.map(toHex));
  it('is never accepted', () => {
    const changed = fc.tuple(fc.integer({ min: 0, max: all.length - 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(changed, ([which, at, flip]) => {
        const record = new Uint8Array(all[which]!);
        record[at % record.length]! ^= flip;
        expect(faultOf(() => judge(record))).not.toBe('none');
      }),
      { numRuns: 200 },
    );
  });
  it('nor are random bytes or cuttings of it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(3), fc.nat(), (bytes, which, length) => {
        const cut = all[which]!.slice(0, length % all[which]!.length);
        for (const record of [bytes, cut, Uint8Array.from([...cut, ...bytes])]) {
          if (!sound.has(toHex(record))) expect(faultOf(() => judge(record))).not.toBe('none');
        }
      }),
      { numRuns: 40 },
    );
  });
});

it('a candidate of a patient stands beside evidence in one block', () => {
  const candidate = study(chain, seedKey('source 0'), 'beside', genesis.genesisTimeMs);
  const { block } = chain.extend(head, 8, { evidence: [pairs.surroundVote.record], candidates: [candidate] });
  expect([block!.body.evidence.length, block!.body.transactions.length]).toEqual([1, 1]);
  expect(parseBlock(block!.bytes).header).toEqual(block!.header);
  expect(encodeHeader(block!.header)).toEqual(block!.headerBytes);
});
