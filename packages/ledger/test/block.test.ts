import { describe, expect, it } from '@jest/globals';
import { encodeCanonical, sha256, toHex, utf8 } from '@radpass/core';
import {
  type Block,
  type Body,
  blockLimits,
  encodeBlock,
  encodeBody,
  encodeHeader,
  type Header,
  parseBlock,
  parseHeader,
} from '../dist/block.js';
import { encodeVote, isVoter, parseVote, type Vote, verifyVote, votersOf } from '../dist/consensus/votes.js';
import { LedgerError } from '../dist/errors.js';
import { committeeOfGenesis } from '../dist/genesisState.js';
import { seedKey, study, TestChain, verifier } from './testChain.js';

const chain = new TestChain();
const parent = chain.grow(chain.start, 2);
const before = parent.parent!;
const points = [before, parent].map(link => ({ slot: link.view.header.slot, id: link.view.id }));
const certificate = chain.votes(points[0]!, points[1]!, [0, 1, 2]);
const late = chain.votes({ slot: 0, id: chain.genesis.chainId }, points[0]!, [3]);
const { built, key } = chain.draft(parent, 3, {
  certificates: [certificate],
  voteSets: [late],
  candidates: [
    study(chain, seedKey('source 0'), 'a', chain.genesis.genesisTimeMs),
    study(chain, seedKey('source 0'), 'b', chain.genesis.genesisTimeMs),
  ],
});
const block = chain.seal(built.header, built.body, key);
const { header, body } = block;

/** The block with another body under the same header. */
const withBody = (change: Partial<Body>): Uint8Array =>
  encodeCanonical([block.headerBytes, block.signature, encodeBody({ ...body, ...change })]);

/** The same, but with the size in the header made to fit. */
function fitted(change: Partial<Body>): Uint8Array {
  const other = { ...body, ...change };
  const sized: Header = { ...header, bodySize: encodeBody(other).length };
  return encodeBlock({ header: sized, body: other, signature: block.signature }).bytes;
}

function codeOf(received: Uint8Array): unknown {
  try {
    parseBlock(received);
  } catch (error) {
    if (error instanceof LedgerError) return error.detail;
    throw error;
  }
  return 'accepted';
}

describe('parseBlock', () => {
  it('reads what encodeBlock wrote', () => {
    const parsed: Block = parseBlock(block.bytes);
    expect(parsed).toEqual(block);
    expect(parsed.id).toEqual(sha256(block.headerBytes));
    expect(header.bodySize).toBe(encodeBody(body).length);
    expect(parseHeader(encodeHeader(header))).toEqual(header);
    expect(body.transactions).toHaveLength(2);
  });

  it('refuses more bytes than any block has, before looking at them', () => {
    const got = blockLimits.blockBytes + 1;
    expect(codeOf(new Uint8Array(got))).toEqual({ code: 'LEDGER_BLOCK_SIZE', max: blockLimits.blockBytes, got });
  });
  it('refuses a cut, a byte too many, and a part of the wrong length', () => {
    const refused = { code: 'LEDGER_BLOCK_ENCODING', part: 'block' };
    expect(codeOf(block.bytes.slice(0, -1))).toMatchObject(refused);
    expect(codeOf(Uint8Array.from([...block.bytes, 0]))).toMatchObject(refused);
    const short = encodeCanonical([block.headerBytes, new Uint8Array(63), encodeBody(body)]);
    expect(codeOf(short)).toMatchObject({ ...refused, at: '[1]' });
  });
  it('refuses a header with a field too few, and one with a proof too short', () => {
    const bent = (headerBytes: Uint8Array) => codeOf(encodeCanonical([headerBytes, block.signature, encodeBody(body)]));
    expect(bent(encodeCanonical([1, 2]))).toMatchObject({ code: 'LEDGER_BLOCK_ENCODING', part: 'header' });
    const short = encodeHeader({ ...header, vrfProof: header.vrfProof.slice(1) });
    expect(bent(short)).toMatchObject({ code: 'LEDGER_BLOCK_ENCODING', part: 'header', at: '[6]' });
  });
  it('refuses a body that is no body of the right size', () => {
    const bodyBytes = encodeBody(body);
    bodyBytes[0] = 0x95;
    const bent = encodeCanonical([block.headerBytes, block.signature, bodyBytes]);
    expect(codeOf(bent)).toMatchObject({ code: 'LEDGER_BLOCK_ENCODING', part: 'body' });
  });
  it('refuses a body of another size', () => {
    expect(codeOf(withBody({ transactions: [] }))).toMatchObject({
      code: 'LEDGER_BLOCK_BODY_SIZE',
      expected: header.bodySize,
    });
  });

  const root = (change: Partial<Body>) => codeOf(fitted(change));
  it("refuses lists that aren't the header's, each by its root", () => {
    expect(root({ transactions: body.transactions.slice(1) })).toEqual({ code: 'LEDGER_BLOCK_BODY_ROOT', root: 'tx' });
    expect(root({ transactions: [...body.transactions].reverse() })).toEqual({
      code: 'LEDGER_BLOCK_BODY_ROOT',
      root: 'tx',
    });
    expect(root({ voteSets: [] })).toEqual({ code: 'LEDGER_BLOCK_BODY_ROOT', root: 'vote' });
    const bitmap = Uint8Array.of(0x0b);
    expect(root({ certificates: [{ ...certificate, bitmap }] })).toEqual({
      code: 'LEDGER_BLOCK_BODY_ROOT',
      root: 'vote',
    });
    const signatures = [...certificate.signatures].reverse();
    expect(root({ certificates: [{ ...certificate, signatures }] })).toEqual({
      code: 'LEDGER_BLOCK_BODY_ROOT',
      root: 'witness',
    });
    expect(root({ evidence: [Uint8Array.of(1)] })).toEqual({ code: 'LEDGER_BLOCK_BODY_ROOT', root: 'evidence' });
  });
  it('tells a certificate from a loose set with the same message and bits: the header commits to which it is', () => {
    const moved = { certificates: [], voteSets: [certificate, late] };
    expect(encodeBody({ ...body, ...moved })).toHaveLength(header.bodySize);
    expect(codeOf(withBody(moved))).toEqual({ code: 'LEDGER_BLOCK_BODY_ROOT', root: 'vote' });
  });
});

describe('votes', () => {
  const committee = committeeOfGenesis(chain.genesis);
  const vote: Vote = {
    message: certificate.message,
    voter: 1,
    nodeKey: committee.voters[1]!.nodeKey,
    signature: certificate.signatures[1]!,
  };

  it('are read as written, and verify', () => {
    expect(parseVote(encodeVote(vote))).toEqual(vote);
    expect(verifyVote(vote, chain.genesis.chainId, verifier)).toBe(true);
    expect(isVoter(vote, committee)).toBe(true);
  });
  it('hold for one network, one message and one voter', () => {
    expect(verifyVote(vote, sha256(utf8('elsewhere')), verifier)).toBe(false);
    expect(verifyVote({ ...vote, message: { ...vote.message, targetSlot: 9 } }, chain.genesis.chainId, verifier)).toBe(
      false,
    );
    expect(isVoter({ ...vote, voter: 2 }, committee)).toBe(false);
    expect(isVoter({ ...vote, voter: 9 }, committee)).toBe(false);
  });
  it('are refused as bytes with a code when they are none', () => {
    expect(() => parseVote(encodeVote(vote).slice(1))).toThrow(expect.objectContaining({ code: 'LEDGER_VOTE' }));
    expect(() => parseVote(new Uint8Array(4_096))).toThrow(expect.objectContaining({ code: 'LEDGER_VOTE' }));
  });
  it('stand in a set by ascending voter, bit i of the bitmap for voter i', () => {
    expect(votersOf(certificate.bitmap)).toEqual([0, 1, 2]);
    expect(toHex(late.bitmap)).toBe('08');
    expect(votersOf(Uint8Array.of(0, 0x81))).toEqual([8, 15]);
  });
});
