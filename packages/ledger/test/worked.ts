/** One small network worked through, in hex: what test/vectors/consensus.json holds and docs/protocol-consensus.md shows. */
import { encodeAs, sha256, sign, toHex, utf8 } from '@radpass/core';
import { encodeBody, encodeHeader } from '../dist/block.js';
import { dutyOfSlot } from '../dist/boundary.js';
import { nextNonce, vrfAlpha } from '../dist/consensus/beacon.js';
import { nonceOf } from '../dist/consensus/chainTables.js';
import { selectCommittee } from '../dist/consensus/committee.js';
import { encodeEvidence, equivocation } from '../dist/consensus/evidence.js';
import { selectLeader } from '../dist/consensus/leader.js';
import { defaultParams } from '../dist/consensus/params.js';
import { encodeVote, encodeVoteMessage, voteSetSchema } from '../dist/consensus/votes.js';
import { vrfOutput } from '../dist/consensus/vrf.js';
import { committeeOfGenesis, genesisState } from '../dist/genesisState.js';
import { blockWrites } from '../dist/keptBlocks.js';
import { leafKey } from '../dist/stateView.js';
import { tables } from '../dist/tables.js';
import { seedKey, TestChain, testContent } from './testChain.js';

const nothing = new Uint8Array(0);

/** Every value by its name. Key seeds are SHA-256 of "source 0", "node 0", "source 1", "node 1". */
export function worked() {
  const founders = testContent(2).founders.map((founder, i) => ({ ...founder, weight: 2 - i }));
  const chain = new TestChain(2, { params: defaultParams, founders });
  const { genesis } = chain;
  const { layer, root } = genesisState(genesis);
  const first = chain.extend(chain.start, 1);
  const origin = { slot: 0, id: genesis.chainId };
  const certificate = chain.votes(origin, { slot: 1, id: first.view.id }, [0, 1]);
  const second = chain.extend(first, 2, { certificates: [certificate] });
  const block = second.block!;
  const committee = committeeOfGenesis(genesis);
  const vote = {
    message: certificate.message,
    voter: 0,
    nodeKey: committee.voters[0]!.nodeKey,
    signature: certificate.signatures[0]!,
  };
  const [cast, contrary] = [vote.message, { ...vote.message, targetId: genesis.chainId }].map(message => {
    const bytes = encodeVoteMessage(message);
    return { bytes, signature: sign(chain.keyOf(vote.nodeKey), 'vote', genesis.chainId, bytes) };
  });
  const nonce0 = nonceOf(layer, 0);
  const many = Array.from({ length: 6 }, (_, i) => ({
    sourceKey: seedKey(`source ${i}`).publicKey,
    nodeKey: seedKey(`node ${i}`).publicKey,
    weight: i + 1,
  })).sort((a, b) => (toHex(a.sourceKey) < toHex(b.sourceKey) ? -1 : 1));
  const seats = selectCommittee({ entries: many, total: 21 }, nonce0, 4);
  const output = sha256(utf8('an output'));
  return {
    genesis: toHex(genesis.bytes),
    chainId: toHex(genesis.chainId),
    stateRoot0: toHex(root),
    finality0: toHex(layer.get(leafKey(tables.finality, nothing))!),
    eras0: toHex(layer.get(leafKey(tables.eras, nothing))!),
    nonce0: toHex(nonce0),
    nonce1: toHex(nonceOf(layer, 1)),
    nonce2OfOneOutput: toHex(nextNonce(nonceOf(layer, 1), 2, [Uint8Array.from([...output, ...output])])),
    table: many.map(entry => [toHex(entry.sourceKey), toHex(entry.nodeKey), entry.weight] as const),
    leadersOfTable: Array.from({ length: 12 }, (_, slot) => many.indexOf(selectLeader(many, nonce0, slot))),
    seatsOfTable: seats.voters.map(voter => [toHex(voter.nodeKey), voter.weight] as const),
    seatsRoot: toHex(seats.root),
    committeeRoot: toHex(committee.root),
    leaderOfSlot2: toHex(dutyOfSlot({ genesis, state: first.view.state, slot: 2 }).leader.sourceKey),
    vrfAlpha2: toHex(vrfAlpha(genesis.chainId, nonce0, 2)),
    vrfProof2: toHex(block.header.vrfProof),
    vrfOutput2: toHex(vrfOutput(block.header.vrfProof)!),
    voteMessage: toHex(encodeVoteMessage(vote.message)),
    vote: toHex(encodeVote(vote)),
    doubleVote: toHex(encodeEvidence(equivocation('doubleVote', vote.nodeKey, cast!, contrary!))),
    voteSet: toHex(encodeAs(voteSetSchema, certificate)),
    block1: toHex(first.block!.bytes),
    header2: toHex(encodeHeader(block.header)),
    id2: toHex(block.id),
    signature2: toHex(block.signature),
    body2: toHex(encodeBody(block.body)),
    block2: toHex(block.bytes),
    prunedBody2: toHex(encodeBody({ ...block.body, certificates: [{ ...certificate, signatures: [] }] })),
    prunedBlock2: toHex(blockWrites(block)[0]![1]!),
    witness2: toHex(blockWrites(block)[1]![1]!),
  };
}
