/**
 * What test/vectors/audit.json holds: a chain of seven epochs and the audits that it closes.
 *
 * Four founders under the policy `capped`. Founder 3 never votes or makes a block, and sleeps from the fourth epoch on;
 * founder 0 publishes three studies and withdraws one; slot 10's leader makes two blocks of slot 10, which slot 12 tells;
 * a vote of founder 2 comes late every fifth slot. And `eras`: a chain that hands over twice; `recovery`: one that loses half
 * of its voters, goes on after a recovery in the last epoch of a period, and hands over soon after.
 */
import { createWithdrawStudy, parseTransaction, sha256, sign, toHex, utf8 } from '@radpass/core';
import { auditRootOfRows, encodeAuditRow, parseAuditRows } from '../dist/audit.js';
import { dutyOfSlot } from '../dist/boundary.js';
import { encodeEvidence, equivocation } from '../dist/consensus/evidence.js';
import { tinyParams } from '../dist/consensus/params.js';
import { type Checkpoint, encodeVoteMessage, type VoteSet } from '../dist/consensus/votes.js';
import { committeeOfGenesis } from '../dist/genesisState.js';
import { stakeMemory } from '../dist/stakeSnapshot.js';
import { storeKeys } from '../dist/storeKeys.js';
import { type Link, seedKey, study, TestChain } from './testChain.js';

const lastSlot = 57;
const params = { ...tinyParams, voteWindowSlots: 8, eraEpochs: 1_000, dormantDuties: 6, dormantEpochs: 2 };

export function auditVectors() {
  const chain = new TestChain(4, { params, stakePolicy: 'capped' });
  const { genesis } = chain;
  const publisher = seedKey('source 0');
  const silent = toHex(seedKey('source 3').publicKey);
  const { voters } = committeeOfGenesis(genesis);
  const sourceAt = (name: string) =>
    voters.findIndex(voter => toHex(voter.sourceKey) === toHex(seedKey(name).publicKey));
  const awake = chain.all().filter(voter => voter !== sourceAt('source 3'));
  const slow = sourceAt('source 2');
  const timeOf = (slot: number) => Math.floor((genesis.genesisTimeMs + slot * params.slotMs) / 60_000) * 60_000;
  const withdrawal = createWithdrawStudy({
    ...{ chainId: genesis.chainId, key: publisher, sourceKey: publisher.publicKey },
    ...{ seq: timeOf(3), studyHash: sha256(utf8('study b')) },
  });
  const transactions = new Map([
    [2, ['a', 'b', 'c'].map(name => study(chain, publisher, name, timeOf(2)))],
    [9, [parseTransaction(withdrawal.bytes)]],
  ]);
  let head: Link = chain.start;
  let certificate: VoteSet | null = null;
  let source: Checkpoint = { slot: 0, id: genesis.chainId };
  /** Loose sets by the slot from which on a block carries them. */
  let loose: { from: number; set: VoteSet }[] = [];
  let twice: Uint8Array[] = [];
  const blocks: string[] = [];
  for (let slot = 1; slot <= lastSlot; slot++) {
    const { leader } = dutyOfSlot({ genesis, state: head.view.state, slot });
    if (slot === 10) {
      const { built, key } = chain.draft(head, slot);
      const block = chain.seal(built.header, built.body, key);
      const other = chain.bend(block, key, { header: { stateRoot: new Uint8Array(32) } });
      const signed = [block, other].map(({ headerBytes, signature }) => ({ bytes: headerBytes, signature }));
      twice = [encodeEvidence(equivocation('doubleBlock', leader.nodeKey, signed[0]!, signed[1]!))];
    }
    if (slot === 10 || toHex(leader.sourceKey) === silent) continue;
    const evidence = slot === 12 ? twice : [];
    const candidates = transactions.get(slot) ?? [];
    const certificates = certificate ? [certificate] : [];
    const voteSets = loose.filter(({ from }) => from <= slot).map(({ set }) => set);
    loose = loose.filter(({ from }) => from > slot);
    head = chain.extend(head, slot, { certificates, voteSets, candidates, evidence });
    blocks.push(toHex(head.block!.bytes));
    const target = { slot, id: head.view.id };
    const rest = awake.filter(voter => voter !== slow);
    certificate = slot % 5 === 0 ? null : chain.votes(source, target, awake);
    if (!certificate) {
      // Two of four are no quorum: their votes stand for credit alone.
      loose.push({ from: slot + 1, set: chain.votes(source, target, rest) });
      loose.push({ from: slot + 2, set: chain.votes(source, target, [slow]) });
    }
    source = target;
  }
  const audits = auditsOf(head, 6);
  const capped = [[7, stakeMemory(head.view.state, publisher.publicKey)[0]!]];
  return { genesis: toHex(genesis.bytes), blocks, audits, capped, eras: acrossEras(), recovery: acrossRecovery() };
}

/** Three eras of a healthy chain; in the second it is told that founder 1 voted twice in the first. */
function acrossEras() {
  const chain = new TestChain(4, { params: { ...tinyParams, voteWindowSlots: 8 } });
  const { genesis } = chain;
  const key = seedKey('node 1');
  const [slot, told, last] = [20, 30, 62];
  const link = { rootId: genesis.chainId, sourceSlot: slot - 1, sourceId: sha256(utf8('source')), targetSlot: slot };
  const [one, other] = ['one', 'other'].map(name => {
    const message = encodeVoteMessage({ ...link, targetId: sha256(utf8(name)) });
    return { bytes: message, signature: sign(key, 'vote', genesis.chainId, message) };
  });
  const twice = encodeEvidence(equivocation('doubleVote', key.publicKey, one!, other!));
  const head = chain.grow(chain.start, last, at => (at === told ? { evidence: [twice] } : {}));
  const blocks = Array.from({ length: last }, (_, i) => toHex(chain.blockAt(head, i + 1).block!.bytes));
  return { genesis: toHex(genesis.bytes), blocks, audits: auditsOf(head, 6) };
}

/** Founders 2 and 3 go after slot 11 and fall asleep; people name the block of slot 44 or the last before it. */
function acrossRecovery() {
  const [stall, named, last] = [11, 44, 100];
  const chain = new TestChain(4, { params: { ...params, eraEpochs: tinyParams.eraEpochs } });
  const { genesis } = chain;
  const gone = ['source 2', 'source 3'].map(name => toHex(seedKey(name).publicKey));
  const isGone = (slot: number, { view }: Link): boolean =>
    gone.includes(toHex(dutyOfSlot({ genesis, state: view.state, slot }).leader.sourceKey));
  const { voters } = committeeOfGenesis(genesis);
  const left = chain.all().filter(voter => !gone.includes(toHex(voters[voter]!.sourceKey)));
  let head = chain.grow(chain.start, stall);
  const source = head.block!.header.justified;
  for (let slot = stall + 1; slot <= named; slot++) {
    if (isGone(slot, head)) continue;
    // Half of the weight is no quorum, but a sign of life.
    const vote = chain.votes(source, { slot: slot - 1, id: head.view.id }, left);
    head = chain.extend(head, slot, { voteSets: [vote] });
  }
  const { blockId, slot } = chain.recover(head);
  head = chain.grow(head, last, (at, parent) => (isGone(at, parent) ? null : {}));
  const blocks: string[] = [];
  for (let at: Link = head; at.block; at = at.parent!) blocks.unshift(toHex(at.block.bytes));
  return { genesis: toHex(genesis.bytes), blocks, named: [slot, toHex(blockId)], audits: auditsOf(head, 11) };
}

function auditsOf(head: Link, epochs: number) {
  return Array.from({ length: epochs }, (_, epoch) => {
    const rows = parseAuditRows(head.view.state.get(storeKeys.audit(epoch))!);
    return { epoch, root: toHex(auditRootOfRows(rows).root), rows: rows.map(row => toHex(encodeAuditRow(row))) };
  });
}
