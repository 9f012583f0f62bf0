/** Leaders and committees of twenty sources: what test/vectors/draw.json holds. */
import { sha256, toHex, u64be, utf8 } from '@radpass/core';
import { selectCommittee } from '../dist/consensus/committee.js';
import { selectLeader } from '../dist/consensus/leader.js';
import { seedKey } from './testChain.js';

export function drawVectors() {
  const nonce = sha256(utf8('a nonce'));
  const table = Array.from({ length: 20 }, (_, i) => ({
    sourceKey: seedKey(`source ${i}`).publicKey,
    nodeKey: seedKey(`node ${i}`).publicKey,
    // From one millionth of a study to a few thousand studies.
    weight: 1 + (new DataView(sha256(u64be(i)).buffer).getUint32(0) % 10 ** (i % 10)),
  })).sort((a, b) => (toHex(a.sourceKey) < toHex(b.sourceKey) ? -1 : 1));
  const total = table.reduce((sum, { weight }) => sum + weight, 0);
  const keys = table.map(({ nodeKey }) => toHex(nodeKey));
  return {
    nonce: toHex(nonce),
    table: table.map(({ sourceKey, nodeKey, weight }) => [toHex(sourceKey), toHex(nodeKey), weight] as const),
    leaders: Array.from({ length: 200 }, (_, slot) => keys.indexOf(toHex(selectLeader(table, nonce, slot).nodeKey))),
    committees: [1, 4, 19, 20, 512].map(seats => {
      const { voters, total: votes, root } = selectCommittee({ entries: table, total }, nonce, seats);
      return {
        seats,
        voters: voters.map(({ nodeKey, weight }) => [keys.indexOf(toHex(nodeKey)), weight] as const),
        total: votes,
        root: toHex(root),
      };
    }),
  };
}
