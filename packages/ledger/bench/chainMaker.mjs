/**
 * Writes a chain for bench/chain.mjs: node packages/ledger/bench/chainMaker.mjs FILE TRANSACTIONS
 *
 * One source makes full blocks, half of them studies (two signatures), half grants on the studies of the block before
 * (one), and finalises them with its own votes. FILE: genesis, then the blocks, each after its length as u32be.
 */
import { createWriteStream } from 'node:fs';
import {
  createAllowAccess,
  createClaim,
  createDefineStudy,
  parseTransaction,
  SecretKey,
  sha256,
  sign,
  toHex,
  u64be,
  utf8,
} from '@radpass/core';
import { sha256Node } from '@radpass/core/node';
import { encodeBlock } from '../dist/block.js';
import { dutyOfSlot } from '../dist/boundary.js';
import { buildBlock } from '../dist/buildBlock.js';
import { vrfAlpha } from '../dist/consensus/beacon.js';
import { defaultParams } from '../dist/consensus/params.js';
import { assembleVoteSet, signVote } from '../dist/consensus/votes.js';
import { vrfProve } from '../dist/consensus/vrf.js';
import { createGenesis } from '../dist/genesis.js';
import { openBranches } from '../dist/recovery.js';
import { MemoryStore } from '../dist/store.js';

const [file, wanted] = process.argv.slice(2);
const perBlock = 400; // of each kind: with 300 and 260 bytes they fill most of 256 KiB
const keyOf = name => SecretKey.fromSeed(sha256(utf8(name)));
const [source, node] = [keyOf('source'), keyOf('node')];
const genesis = createGenesis({
  genesisTimeMs: 1_700_000_040_000,
  // No quota ends the run: an epoch of this size would take days.
  params: { ...defaultParams, maxStudiesPerSource: 1e9 },
  stakePolicy: 'open',
  founders: [{ sourceKey: source.publicKey, nodeKey: node.publicKey, url: 'https://h.example', weight: 1000 }],
  ...{ payers: [], checkpointKeys: [], checkpointThreshold: 0, studyHashForms: [32], allowList: [] },
});
const { chainId, genesisTimeMs, params } = genesis;
const out = createWriteStream(file);
const write = async bytes => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  out.write(length);
  if (!out.write(bytes)) await new Promise(resolve => out.once('drain', resolve));
};
await write(genesis.bytes);

// What this program signed itself needs no check.
const own = { backend: 'own', verify: () => true, verifyStrict: () => true };
const store = new MemoryStore();
const { branches } = await openBranches({ store, genesis, verifier: own, hash: sha256Node });
let made = 0;
let studies = [];
for (let slot = 1; made < Number(wanted); slot++) {
  const time = Math.floor((genesisTimeMs + slot * params.slotMs) / 60_000) * 60_000;
  const grants = studies.map(({ patient, studyHash }, i) =>
    createAllowAccess({
      ...{ chainId, key: patient, seq: time, sourceKey: source.publicKey, studyHash },
      requesterKey: keyOf(`requester ${slot} ${i}`).publicKey,
    }),
  );
  studies = Array.from({ length: perBlock }, (_, i) => {
    const patient = SecretKey.fromSeed(sha256(u64be(slot), u64be(i)));
    const studyHash = sha256(utf8('study'), patient.publicKey);
    const claim = createClaim({ chainId, key: patient, sourceKey: source.publicKey, studyHash });
    return { patient, studyHash, signed: createDefineStudy({ chainId, key: source, time, claim }) };
  });
  const candidates = [...grants, ...studies.map(({ signed }) => signed)].map(({ bytes }) => parseTransaction(bytes));
  const parent = branches.head;
  const view = branches.parentView(parent);
  const { leader, nonce } = dutyOfSlot({ genesis, state: view.state, slot });
  const { header, body, id } = buildBlock({
    ...{ genesis, parent: view, slot, producer: leader, verifier: own, hash: sha256Node, candidates, voteSets: [] },
    vrfProof: vrfProve(node.exportSeed(), vrfAlpha(chainId, nonce, slot)),
    certificates: branches.certificatesFor(parent),
  });
  if (body.transactions.length !== candidates.length) throw new Error('a transaction was left out');
  made += candidates.length;
  const block = encodeBlock({ header, body, signature: sign(node, 'block', chainId, id) });
  await write(block.bytes);
  const { justified } = branches;
  branches.addBlock(
    block,
    candidates.map(({ id: txId }) => toHex(txId)),
    true,
  );
  const link = {
    ...{ rootId: branches.era.root.id, sourceSlot: justified.slot, sourceId: justified.id },
    ...{ targetSlot: slot, targetId: block.id },
  };
  branches.learn(assembleVoteSet(link, [{ voter: 0, signature: signVote(node, chainId, link) }], 1));
  branches.settle();
  await store.commit(branches.takeWrites());
  branches.synced();
}
out.end();
await new Promise(resolve => out.once('finish', resolve));
