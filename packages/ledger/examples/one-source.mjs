import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClaim, createDefineStudy, randomBytes, SecretKey } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { createGenesis, defaultParams, openChain } from '@radpass/ledger';
import { createSigningRecord, openLevelStore, openNodeSigner } from '@radpass/ledger/level';

// A network of one source, with slots of half a second.
const [source, node, patient] = [SecretKey.generate(), SecretKey.generate(), SecretKey.generate()];
const founder = { sourceKey: source.publicKey, nodeKey: node.publicKey, url: 'https://a.example', weight: 1000 };
const genesis = createGenesis({
  genesisTimeMs: Date.now(),
  params: { ...defaultParams, slotMs: 500 },
  stakePolicy: 'open',
  founders: [founder],
  payers: [],
  checkpointKeys: [],
  checkpointThreshold: 0,
  studyHashForms: [32],
  allowList: [],
});
const { chainId } = genesis;

const dir = await mkdtemp(join(tmpdir(), 'ledger-'));
await createSigningRecord(join(dir, 'node.key.record'), node.publicKey);
const signer = await openNodeSigner({ key: node, recordPath: join(dir, 'node.key.record'), chainId });
const store = await openLevelStore(join(dir, 'chain'));
const chain = await openChain({
  store,
  genesis,
  verifier: nodeVerifier,
  signers: [signer],
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimeout: (run, ms) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  },
  broadcast: { transaction: () => {}, block: () => {}, vote: () => {} },
  requestSync: () => {},
  log: () => {},
});
chain.start();

const claim = createClaim({ chainId, key: patient, sourceKey: source.publicKey, studyHash: randomBytes(32) });
const time = Math.floor(Date.now() / 60_000) * 60_000;
const { id } = await chain.submitTransaction(createDefineStudy({ chainId, key: source, time, claim }).bytes);
for (let grade = ''; grade !== 'final'; await new Promise(resolve => setTimeout(resolve, 200))) {
  const entry = await chain.transaction(id);
  if (entry.grade !== grade) console.log(entry.grade);
  grade = entry.grade;
}
console.log(`${chain.status().studies} study in final block ${chain.status().finalHeight}`);
await chain.stop();
await store.close();
await signer.close();
