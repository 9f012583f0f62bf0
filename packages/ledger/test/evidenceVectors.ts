/** What test/vectors/evidence.json holds: records of evidence and what judging them gives. */
import { sign, toHex } from '@radpass/core';
import { applyBlock } from '../dist/applyBlock.js';
import { encodeEvidence, equivocation } from '../dist/consensus/evidence.js';
import { encodeVoteMessage, type VoteMessage } from '../dist/consensus/votes.js';
import { LedgerError } from '../dist/errors.js';
import { committeeOfGenesis } from '../dist/genesisState.js';
import { judgeEvidence } from '../dist/offences.js';
import { seedKey, TestChain, verifier } from './testChain.js';

/** One network of three founders and three blocks; everything is judged for a block of slot 5 on the last one. */
export function evidenceVectors() {
  const chain = new TestChain(3);
  const { genesis } = chain;
  const { chainId } = genesis;
  const head = chain.grow(chain.start, 3);
  const { nodeKey } = committeeOfGenesis(genesis).voters[0]!;
  const vote = (sourceSlot: number, targetSlot: number, over: Partial<VoteMessage> = {}) => {
    const ids = { rootId: chainId, sourceId: chainId, targetId: head.view.id };
    const bytes = encodeVoteMessage({ ...ids, sourceSlot, targetSlot, ...over });
    return { bytes, signature: sign(chain.keyOf(nodeKey), 'vote', chainId, bytes) };
  };
  const { built, key } = chain.draft(head, 4);
  const sound = chain.seal(built.header, built.body, key);
  const unsound = chain.bend(sound, key, { header: { stateRoot: chainId } });
  const header = ({ headerBytes, signature }: typeof sound) => ({ bytes: headerBytes, signature });
  const accuse = (block: typeof sound) => encodeEvidence({ kind: 'invalidBlock', block: block.bytes });
  const pair = (...p: Parameters<typeof equivocation>) => encodeEvidence(equivocation(...p));
  const double = equivocation('doubleVote', nodeKey, vote(0, 3), vote(1, 3));
  const records: [name: string, record: Uint8Array][] = [
    ['double block', pair('doubleBlock', key.publicKey, header(sound), header(unsound))],
    ['double vote', encodeEvidence(double)],
    ['surround vote', pair('surroundVote', nodeKey, vote(0, 4), vote(1, 3))],
    ['invalid block', accuse(unsound)],
    [
      'the greater of two votes first',
      encodeEvidence({
        ...double,
        first: double.second,
        firstSignature: double.secondSignature,
        second: double.first,
        secondSignature: double.firstSignature,
      }),
    ],
    ['votes of two slots', pair('doubleVote', nodeKey, vote(0, 3), vote(0, 4))],
    ['votes of two eras', pair('doubleVote', nodeKey, vote(0, 3), vote(1, 3, { rootId: head.view.id }))],
    ['votes from one source', pair('surroundVote', nodeKey, vote(1, 4), vote(1, 3))],
    ['the second vote unsigned', encodeEvidence({ ...double, secondSignature: double.firstSignature })],
    ['a key of no source', encodeEvidence({ ...double, nodeKey: seedKey('a stranger').publicKey })],
    ['a slot to come', pair('doubleVote', nodeKey, vote(0, 6), vote(1, 6))],
    ['a valid block', accuse(sound)],
    ['a block of another producer', accuse(chain.bend(sound, key, { header: { producer: seedKey('x').publicKey } }))],
    ['a block that its leader did not sign', accuse(chain.bend(unsound, seedKey('x'), {}))],
    ['a block whose parent is not there', accuse(chain.bend(unsound, key, { header: { parent: nodeKey } }))],
    ['a block that accuses', accuse(chain.bend(sound, key, { body: { evidence: [accuse(unsound)] } }))],
    ['no record', Uint8Array.of(0x92, 0x07, 0xc0)],
  ];
  const judged = (record: Uint8Array) => {
    try {
      const { kind, sourceKey, slot } = judgeEvidence(record, head.view.state, {
        genesis,
        parent: head.view,
        slot: 5,
        verifier,
        apply: (block, parent) => applyBlock({ genesis, parent, block, verifier }),
      });
      return { kind, sourceKey: toHex(sourceKey), slot };
    } catch (error) {
      if (error instanceof LedgerError && error.detail.code === 'LEDGER_EVIDENCE') return { fault: error.detail.fault };
      throw error;
    }
  };
  const blocks: string[] = [];
  for (let at = head; at.block && at.parent; at = at.parent) blocks.unshift(toHex(at.block.bytes));
  const cases = records.map(([name, record]) => ({ name, record: toHex(record), ...judged(record) }));
  return { genesis: toHex(genesis.bytes), blocks, slot: 5, cases };
}
