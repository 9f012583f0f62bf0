/** A network of one founder, and the block of its first slot. */
import { type SecretKey, sign } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import {
  buildBlock,
  createGenesis,
  defaultParams,
  dutyOfSlot,
  encodeBlock,
  genesisView,
  vrfAlpha,
  vrfProve,
} from '@radpass/ledger';

export function buildFirstBlock(keyOf: (name: string) => SecretKey, slotMs: number) {
  const [source, node] = [keyOf('source 0'), keyOf('node 0')];
  const genesis = createGenesis({
    genesisTimeMs: 1_700_000_040_000,
    params: { ...defaultParams, slotMs },
    stakePolicy: 'open',
    founders: [{ sourceKey: source.publicKey, nodeKey: node.publicKey, url: 'https://h0.example', weight: 1 }],
    payers: [],
    checkpointKeys: [],
    checkpointThreshold: 0,
    studyHashForms: [32],
    allowList: [],
  });
  const parent = genesisView(genesis);
  const { leader, nonce } = dutyOfSlot({ genesis, state: parent.state, slot: 1 });
  const { header, body, id } = buildBlock({
    genesis,
    parent,
    slot: 1,
    producer: leader,
    vrfProof: vrfProve(node.exportSeed(), vrfAlpha(genesis.chainId, nonce, 1)),
    certificates: [],
    voteSets: [],
    candidates: [],
    verifier: nodeVerifier,
  });
  const block = encodeBlock({ header, body, signature: sign(node, 'block', genesis.chainId, id) });
  return { genesis, block };
}
