import { describe, expect, it } from '@jest/globals';
import { SecretKey, sha256, sign, toHex, utf8 } from '@radpass/core';
import { applyBlock } from '../dist/applyBlock.js';
import { type Block, encodeBlock } from '../dist/block.js';
import { dutyOfSlot } from '../dist/boundary.js';
import { finalityOf, lastEpoch } from '../dist/consensus/chainTables.js';
import { tinyParams } from '../dist/consensus/params.js';
import { LedgerError, type LedgerErrorDetail } from '../dist/errors.js';
import { storedRoot } from '../dist/stateTree.js';
import { StateLayer } from '../dist/stateView.js';
import { type Extra, type Link, seedKey, study, TestChain, verifier } from './testChain.js';

const other = sha256(utf8('something else'));

function refusal(run: () => unknown): LedgerErrorDetail {
  try {
    run();
  } catch (error) {
    if (error instanceof LedgerError) return error.detail;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** How many values and pages a block's layer holds. */
function sizeOf(link: Link): number {
  return link.view.state instanceof StateLayer ? link.view.state.changes.size : 0;
}

describe('applyBlock: one change to a valid block', () => {
  const chain = new TestChain();
  const { genesis } = chain;
  const parent = chain.grow(chain.start, 5);
  const before = parent.parent!;
  const genesisPoint = { slot: 0, id: genesis.chainId };
  // The parent carries the certificate on slot 4; slot 5's stands in the block to be judged, and a late vote on slot 3.
  const certificate = chain.votes({ slot: 4, id: before.view.id }, { slot: 5, id: parent.view.id }, [0, 1, 2]);
  const loose = chain.votes({ slot: 4, id: before.view.id }, { slot: 5, id: parent.view.id }, [3]);
  const late = chain.votes(
    { slot: 2, id: before.parent!.parent!.view.id },
    { slot: 3, id: before.parent!.view.id },
    [3],
  );
  const transaction = study(chain, seedKey('source 1'), 'a', genesis.genesisTimeMs);
  const { built, key } = chain.draft(parent, 6, {
    certificates: [certificate],
    voteSets: [late],
    candidates: [transaction],
  });
  const base = chain.seal(built.header, built.body, key);
  const judge = (block: Block, on: Link = parent) => applyBlock({ genesis, parent: on.view, block, verifier });
  const bent = (change: Parameters<TestChain['bend']>[2]) => refusal(() => judge(chain.bend(base, key, change)));

  it('the block itself is valid, and records the certificate and the transaction', () => {
    const layer = judge(base);
    expect(finalityOf(layer).justified).toEqual({ slot: 5, id: parent.view.id });
    expect(finalityOf(layer).finalized).toEqual({ slot: 4, id: before.view.id });
    expect(base.body.transactions).toEqual([transaction.bytes]);
    expect(base.body.voteSets).toEqual([late]);
    expect(toHex(base.header.stateRoot)).not.toBe(toHex(parent.block!.header.stateRoot));
  });

  it('leaves the parent as it was when it refuses', () => {
    const { root, changes } = { root: storedRoot(parent.view.state), changes: sizeOf(parent) };
    bent({ header: { stateRoot: other } });
    expect([storedRoot(parent.view.state), sizeOf(parent)]).toEqual([root, changes]);
  });

  it('another rules version', () => {
    expect(bent({ header: { rulesVersion: 2 } })).toEqual({ code: 'LEDGER_BLOCK_VERSION', expected: 1, got: 2 });
  });
  it('another network', () => {
    expect(bent({ header: { chainId: other } })).toEqual({ code: 'LEDGER_BLOCK_CHAIN' });
  });
  it('another parent', () => {
    expect(bent({ header: { parent: other } })).toEqual({ code: 'LEDGER_BLOCK_PARENT' });
  });
  it('a height that skips', () => {
    expect(bent({ header: { height: 7 } })).toEqual({ code: 'LEDGER_BLOCK_PARENT' });
  });
  it("the parent's slot again", () => {
    expect(bent({ header: { slot: 5 } })).toEqual({ code: 'LEDGER_BLOCK_SLOT', parentSlot: 5, slot: 5 });
  });
  it('a producer who does not lead the slot', () => {
    const stranger = genesis.founders.find(f => toHex(f.sourceKey) !== toHex(base.header.producer))!;
    expect(bent({ header: { producer: stranger.sourceKey } })).toEqual({ code: 'LEDGER_BLOCK_LEADER', slot: 6 });
  });
  it('a signature by another key', () => {
    const block = chain.seal(base.header, base.body, SecretKey.fromSeed(other));
    expect(refusal(() => judge(block))).toEqual({ code: 'LEDGER_BLOCK_SIGNATURE' });
  });
  it('a signature for another purpose', () => {
    const signature = sign(key, 'vote', genesis.chainId, base.id);
    const block = encodeBlock({ header: base.header, body: base.body, signature });
    expect(refusal(() => judge(block))).toEqual({ code: 'LEDGER_BLOCK_SIGNATURE' });
  });
  it("another slot's VRF proof", () => {
    const { vrfProof } = parent.block!.header;
    expect(bent({ header: { vrfProof } })).toEqual({ code: 'LEDGER_BLOCK_VRF' });
  });
  it('evidence that is none', () => {
    expect(bent({ body: { evidence: [Uint8Array.of(1)] } })).toEqual({
      code: 'LEDGER_BLOCK_EVIDENCE',
      index: 0,
      fault: 'encoding',
    });
  });
  it('more bytes of transactions than the network allows', () => {
    const transactions = [new Uint8Array(tinyParams.maxTransactionBytes)];
    const detail = bent({ body: { transactions } });
    expect(detail).toMatchObject({ code: 'LEDGER_BLOCK_BYTES', part: 'transactions', max: 262_144 });
  });
  it('more bytes of votes than the network allows', () => {
    const fat = { ...late, signatures: Array.from({ length: 512 }, () => new Uint8Array(64)) };
    const detail = bent({ body: { voteSets: Array.from({ length: 6 }, () => fat) } });
    expect(detail).toMatchObject({ code: 'LEDGER_BLOCK_BYTES', part: 'votes', max: 180_224 });
  });
  it("a root that isn't the era's", () => {
    expect(bent({ header: { root: { slot: 5, id: parent.view.id } } })).toEqual({ code: 'LEDGER_BLOCK_ROOT' });
  });
  it('other voters', () => {
    expect(bent({ header: { committeeRoot: other } })).toEqual({ code: 'LEDGER_BLOCK_COMMITTEE' });
  });

  const bentCertificate = (certificates: (typeof certificate)[]) => {
    const detail = bent({ body: { certificates, voteSets: [] } });
    return detail.code === 'LEDGER_BLOCK_CERTIFICATE' ? [detail.index, detail.fault] : detail;
  };
  const withMessage = (change: Partial<typeof certificate.message>) => [
    { ...certificate, message: { ...certificate.message, ...change } },
  ];
  it('a certificate of another era', () => {
    expect(bentCertificate(withMessage({ rootId: other }))).toEqual([0, 'root']);
  });
  it('a certificate whose target is its source', () => {
    expect(bentCertificate(withMessage({ sourceSlot: 5 }))).toEqual([0, 'slots']);
  });
  it("a certificate on the block's own slot", () => {
    expect(bentCertificate(withMessage({ targetSlot: 6 }))).toEqual([0, 'slots']);
  });
  it('a certificate on a slot before its block', () => {
    const early = chain.votes({ slot: 3, id: before.view.id }, { slot: 5, id: parent.view.id }, chain.all());
    expect(bentCertificate([early])).toEqual([0, 'slots']);
  });
  it('a certificate that is recorded already', () => {
    expect(bentCertificate([...parent.block!.body.certificates])).toEqual([0, 'nothing new']);
  });
  it('the same certificate twice', () => {
    expect(bentCertificate([certificate, certificate])).toEqual([1, 'nothing new']);
  });
  it('a certificate on a block of another branch', () => {
    expect(bentCertificate(withMessage({ targetId: other }))).toEqual([0, 'unknown block']);
  });
  it('a certificate from a block before the final one', () => {
    const old = chain.votes(genesisPoint, { slot: 5, id: parent.view.id }, chain.all());
    expect(bentCertificate([old])).toEqual([0, 'unknown block']);
  });
  it('a certificate whose target goes back behind the justified block', () => {
    const back = chain.votes(
      { slot: 3, id: before.parent!.view.id },
      { slot: 5, id: before.parent!.view.id },
      chain.all(),
    );
    expect(bentCertificate([back])).toEqual([0, 'descent']);
  });
  it('a bitmap of another length, of nobody, and with a bit beyond the committee', () => {
    expect(bentCertificate([{ ...certificate, bitmap: Uint8Array.of(7, 0) }])).toEqual([0, 'bitmap']);
    expect(bentCertificate([{ ...certificate, bitmap: Uint8Array.of(0), signatures: [] }])).toEqual([0, 'bitmap']);
    expect(bentCertificate([{ ...certificate, bitmap: Uint8Array.of(0x17) }])).toEqual([0, 'bitmap']);
  });
  it('a signature too few', () => {
    expect(bentCertificate([{ ...certificate, signatures: certificate.signatures.slice(1) }])).toEqual([0, 'count']);
  });
  it('two of four voters', () => {
    const few = chain.votes({ slot: 4, id: before.view.id }, { slot: 5, id: parent.view.id }, [0, 1]);
    expect(bentCertificate([few])).toEqual([0, 'quorum']);
  });
  it("a voter's signature under another voter's bit", () => {
    expect(bentCertificate([{ ...certificate, bitmap: Uint8Array.of(0b1110) }])).toEqual([0, 'signature']);
  });

  const bentSets = (voteSets: (typeof certificate)[]) => {
    const detail = bent({ body: { voteSets } });
    return detail.code === 'LEDGER_BLOCK_VOTE_SET' ? [detail.index, detail.fault] : detail;
  };
  it("a loose set on a certificate's message", () => {
    expect(bentSets([loose])).toEqual([0, 'order']);
  });
  it('a loose set twice, and two in descending order', () => {
    const second = chain.votes(genesisPoint, { slot: 2, id: other }, [1]);
    expect(bentSets([late, late])).toEqual([1, 'order']);
    expect(bentSets([late, second])).toEqual([1, 'order']);
    expect(() => judge(chain.bend(base, key, { body: { voteSets: [second, late] } }))).not.toThrow();
  });
  it('a loose set of another era, with a wrong signature', () => {
    expect(bentSets([{ ...late, message: { ...late.message, rootId: other } }])).toEqual([0, 'root']);
    expect(bentSets([{ ...late, bitmap: Uint8Array.of(1) }])).toEqual([0, 'signature']);
  });

  it('another justified or finalized checkpoint than the certificates give', () => {
    const { justified, finalized } = parent.block!.header;
    expect(bent({ header: { justified } })).toEqual({ code: 'LEDGER_BLOCK_FINALITY', field: 'justified' });
    expect(bent({ header: { finalized } })).toEqual({ code: 'LEDGER_BLOCK_FINALITY', field: 'finalized' });
  });
  it('the same transaction twice', () => {
    const detail = bent({ body: { transactions: [transaction.bytes, transaction.bytes] } });
    expect(detail).toMatchObject({ code: 'LEDGER_BLOCK_TRANSACTION', index: 1 });
  });
  it('bytes that are no transaction', () => {
    const detail = bent({ body: { transactions: [Uint8Array.of(0x90)] } });
    expect(detail).toMatchObject({ code: 'LEDGER_BLOCK_TRANSACTION', index: 0 });
  });
  it('another state root', () => {
    expect(bent({ header: { stateRoot: other } })).toEqual({ code: 'LEDGER_BLOCK_STATE_ROOT' });
  });
  it("a valid block's body under a header of its own content, but without its transaction", () => {
    expect(bent({ body: { transactions: [] } })).toEqual({ code: 'LEDGER_BLOCK_STATE_ROOT' });
  });
  it('trusts signatures only when told to', () => {
    const block = encodeBlock({ header: base.header, body: base.body, signature: new Uint8Array(64) });
    expect(() => applyBlock({ genesis, parent: parent.view, block, verifier, skipSignatures: true })).not.toThrow();
    expect(refusal(() => judge(block))).toEqual({ code: 'LEDGER_BLOCK_SIGNATURE' });
  });
});

describe('certificates in blocks', () => {
  const point = (link: Link) => ({ slot: link.view.header.slot, id: link.view.id });

  it('enter at any age, at most three a block', () => {
    const chain = new TestChain();
    const links = [chain.start];
    for (let slot = 1; slot <= 5; slot++) links.push(chain.extend(links[slot - 1]!, slot));
    const quorums = [1, 2, 3, 4].map(slot => chain.votes(point(links[slot - 1]!), point(links[slot]!), chain.all()));
    const far = tinyParams.voteWindowSlots + 20;
    const late = chain.extend(links[5]!, far, { certificates: quorums });
    expect(late.block!.body.certificates).toHaveLength(3);
    expect(late.block!.header.finalized).toEqual(point(links[2]!));
    const { built, key } = chain.draft(links[5]!, far, { certificates: quorums });
    const four = chain.bend(chain.seal(built.header, built.body, key), key, { body: { certificates: quorums } });
    expect(refusal(() => chain.apply(links[5]!, four))).toMatchObject({ index: 3, fault: 'too many' });
  });

  it('make the block of the source final when the next slot is empty: its checkpoint has the empty slot', () => {
    const chain = new TestChain();
    const b1 = chain.extend(chain.start, 1);
    // Slot 2 stays empty: all vote (2, b1) from (1, b1), then in slot 3 (3, b3) from (2, b1).
    const empty = { slot: 2, id: b1.view.id };
    const first = chain.votes(point(b1), empty, chain.all());
    const b3 = chain.extend(b1, 3, { certificates: [chain.votes(point(chain.start), point(b1), chain.all()), first] });
    expect(b3.block!.header.finalized).toEqual(point(b1));
    expect(b3.block!.header.justified).toEqual(empty);
    const b4 = chain.extend(b3, 4, { certificates: [chain.votes(empty, point(b3), chain.all())] });
    expect(b4.block!.header.finalized).toEqual(empty);
    expect(finalityOf(b4.view.state).finalizedHeight).toBe(1);
  });

  it('may name a slot as empty whose block came late', () => {
    const chain = new TestChain();
    const b1 = chain.extend(chain.start, 1);
    const b2 = chain.extend(b1, 2);
    const link = chain.votes(point(b1), { slot: 2, id: b1.view.id }, chain.all());
    const b3 = chain.extend(b2, 3, { certificates: [link] });
    expect(b3.block!.header.finalized).toEqual(point(b1));
    expect(b3.block!.header.justified).toEqual({ slot: 2, id: b1.view.id });
  });

  it('justify without making final when slots lie between source and target', () => {
    const chain = new TestChain();
    const b3 = chain.extend(chain.extend(chain.start, 1), 3);
    const b4 = chain.extend(b3, 4, { certificates: [chain.votes(point(b3.parent!), point(b3), chain.all())] });
    expect(b4.block!.header.justified).toEqual(point(b3));
    expect(b4.block!.header.finalized).toEqual(point(chain.start));
  });

  it('need no record of their source: the quorum attests it', () => {
    const chain = new TestChain();
    const b2 = chain.extend(chain.extend(chain.start, 1), 2);
    const direct = chain.votes(point(b2.parent!), point(b2), chain.all());
    const b3 = chain.extend(b2, 3, { certificates: [direct] });
    expect(b3.block!.header.finalized).toEqual(point(b2.parent!));
  });

  it('are quorums by 3/5 once the era is stalled, by 2/3 before', () => {
    // Five equal voters: four are more than 2/3; three are exactly 3/5, which is not more.
    const chain = new TestChain(5);
    const { stallSlots } = tinyParams;
    const b1 = chain.extend(chain.start, 1);
    const judgeWith = (targetSlot: number, voters: number[]): Extra => ({
      certificates: [chain.votes(point(b1), { slot: targetSlot, id: b1.view.id }, voters)],
    });
    const at = stallSlots + 8;
    expect(chain.extend(b1, at, judgeWith(stallSlots, [0, 1, 2])).block!.body.certificates).toHaveLength(0);
    expect(chain.extend(b1, at, judgeWith(stallSlots, [0, 1, 2, 3])).block!.body.certificates).toHaveLength(1);
    // Eight voters: five are more than 3/5 and not more than 2/3.
    const eight = new TestChain(8);
    const c1 = eight.extend(eight.start, 1);
    const five = (targetSlot: number): Extra => ({
      certificates: [eight.votes(point(c1), { slot: targetSlot, id: c1.view.id }, [0, 1, 2, 3, 4])],
    });
    expect(eight.extend(c1, at, five(stallSlots - 1)).block!.body.certificates).toHaveLength(0);
    expect(eight.extend(c1, at, five(stallSlots)).block!.body.certificates).toHaveLength(1);
  });
});

describe('loose vote sets', () => {
  it('stand within the window of their target and not one slot later', () => {
    const chain = new TestChain();
    const b1 = chain.extend(chain.start, 1);
    const set = chain.votes({ slot: 0, id: chain.genesis.chainId }, { slot: 1, id: b1.view.id }, [2]);
    const last = 1 + tinyParams.voteWindowSlots;
    expect(chain.extend(b1, last, { voteSets: [set] }).block!.body.voteSets).toEqual([set]);
    expect(chain.extend(b1, last + 1, { voteSets: [set] }).block!.body.voteSets).toEqual([]);
    const { built, key } = chain.draft(b1, last + 1);
    const bad = chain.bend(chain.seal(built.header, built.body, key), key, { body: { voteSets: [set] } });
    expect(refusal(() => chain.apply(b1, bad))).toMatchObject({ code: 'LEDGER_BLOCK_VOTE_SET', fault: 'slots' });
  });
});

describe('a network of one source', () => {
  it('finalises', () => {
    const chain = new TestChain(1);
    const head = chain.grow(chain.start, 4);
    expect(head.block!.header.justified.slot).toBe(3);
    expect(head.block!.header.finalized.slot).toBe(2);
  });
});

describe('a block after skipped epochs', () => {
  it('does the work of all of them, and has the leader that the chain without it foresaw', () => {
    const chain = new TestChain();
    const head = chain.grow(chain.start, 10);
    const slot = 8 * 6 + 3;
    const foreseen = dutyOfSlot({ genesis: chain.genesis, state: head.view.state, slot }).leader;
    const next = chain.extend(head, slot);
    expect(next.block!.header.producer).toEqual(foreseen.sourceKey);
    expect(lastEpoch(next.view.state)).toBe(6);
  });
});
