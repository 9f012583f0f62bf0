/**
 * What the audit adds to a block, and what closing an epoch costs, in processor time beside one Ed25519 verify by node:crypto
 * and one VRF verify.
 * node packages/ledger/bench/audit.mjs [voters] [sources]
 *
 * Per block: a certificate of all voters is credited and its leaf goes into the state root, as in a healthy network. Per epoch:
 * 900 slots with a block each, every source with weight; the snapshot, which was there before, is timed by itself.
 */
import { parsePublicKey, SecretKey, sha256, sign, u64be, verify } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { applyBoundary } from '../dist/boundary.js';
import { addVrfOutput, stakeTable } from '../dist/consensus/chainTables.js';
import { selectCommittee } from '../dist/consensus/committee.js';
import { defaultParams } from '../dist/consensus/params.js';
import { vrfProve, vrfVerify } from '../dist/consensus/vrf.js';
import { createGenesis } from '../dist/genesis.js';
import { genesisState } from '../dist/genesisState.js';
import { creditVotes } from '../dist/openDuties.js';
import { StateLayer } from '../dist/stateView.js';
import { addSource } from '../dist/tables.js';

const voters = Number(process.argv[2] ?? 512);
const sources = Number(process.argv[3] ?? 16_000);

const keyOf = n => {
  const key = sha256(u64be(n));
  key[31] &= 0x3f;
  return parsePublicKey(key);
};
const founders = Array.from({ length: voters }, (_, i) => ({
  sourceKey: keyOf(i),
  nodeKey: keyOf(100_000 + i),
  url: 'https://h.example',
  weight: 10,
}));
const genesis = createGenesis({
  ...{ genesisTimeMs: 1_700_000_000_000, params: defaultParams, stakePolicy: 'capped', founders, payers: [] },
  ...{ checkpointKeys: [], checkpointThreshold: 0, studyHashForms: [32], allowList: [] },
});

/** A state that takes a layer's changes, as the flat state on disk does. */
class Flat {
  values = new Map();
  get(key) {
    return this.values.get(key) ?? undefined;
  }
  fold({ changes }) {
    for (const [key, value] of changes) {
      if (value === null) this.values.delete(key);
      else this.values.set(key, value);
    }
  }
}

function newState() {
  const flat = new Flat();
  const { layer } = genesisState(genesis);
  for (let i = voters; i < sources; i++) {
    addSource(layer, keyOf(i), {
      ...{ seq: 1, url: 'https://h.example', nodeKey: keyOf(100_000 + i), tlsPins: [], standingKey: keyOf(i) },
      ...{ nextKeyHash: new Uint8Array(), definedSlot: 0, studyCount: 1, hadWeight: true },
    });
  }
  layer.commitRoot();
  flat.fold(layer);
  return flat;
}

/** Processor time, which a busy machine doesn't stretch as it does the clock's. */
const microseconds = (times, run) => {
  const begun = process.cpuUsage();
  for (let i = 0; i < times; i++) run(i);
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / times;
};

const { slotsPerEpoch } = defaultParams;
const flat = newState();
const committee = selectCommittee(stakeTable(flat, 0), sha256(), defaultParams.seats);
const bitmap = new Uint8Array(Math.ceil(voters / 8)).fill(255);
if (voters % 8 > 0) bitmap[bitmap.length - 1] = (1 << (voters % 8)) - 1;

/** One block's work on the state, without transactions; time in µs. */
function block(slot, credits) {
  const layer = new StateLayer(flat);
  addVrfOutput(layer, slot, new Uint8Array(64).fill(slot));
  const took = microseconds(1, () => {
    if (credits) {
      const certificates = slot > 1 ? [{ message: { targetSlot: slot - 1 }, bitmap, signatures: [] }] : [];
      const body = { certificates, voteSets: [] };
      creditVotes(layer, { slot, parentSlot: slot - 1, body, committee, seatsOthers: false, params: defaultParams });
    }
    layer.commitRoot();
  });
  flat.fold(layer);
  return took;
}

const key = SecretKey.fromSeed(sha256());
const alpha = new Uint8Array(72);
const proof = vrfProve(key.exportSeed(), alpha);
const signature = sign(key, 'vote', genesis.chainId, alpha);
const verifyOne = () => verify(nodeVerifier, signature, 'vote', genesis.chainId, alpha, key.publicKey);
verifyOne();
const mean = times => times.reduce((sum, time) => sum + time, 0) / times.length;

const without = [];
const withCredit = [];
for (let slot = 1; slot < slotsPerEpoch; slot++) (slot % 2 ? without : withCredit).push(block(slot, slot % 2 === 0));
const ed25519Us = microseconds(500, verifyOne);
const vrfUs = microseconds(20, () => vrfVerify(key.publicKey, alpha, proof));
// The first blocks warm the compiler up.
const addedUs = mean(withCredit.slice(100)) - mean(without.slice(100));

function enter(epoch, foresees) {
  const layer = new StateLayer(flat);
  const tookMs = microseconds(1, () => applyBoundary(layer, { genesis, parentHeight: 0, epoch, foresees })) / 1e3;
  return { layer, tookMs };
}
const commitMs = layer => microseconds(1, () => layer.commitRoot()) / 1e3;
const first = enter(1, false);
first.layer.commitRoot();
flat.fold(first.layer);
const base = enter(2, true);
const baseRootMs = commitMs(base.layer);
const closing = enter(2, false);
const closingRootMs = commitMs(closing.layer);

process.stdout.write(
  `${JSON.stringify(
    {
      voters,
      sources,
      ed25519Us,
      vrfUs,
      perBlock: { addedUs, inEd25519Verifies: addedUs / ed25519Us, inVrfVerifies: addedUs / vrfUs },
      perEpoch: {
        withoutAuditMs: base.tookMs + baseRootMs,
        withAuditMs: closing.tookMs + closingRootMs,
        addedMs: closing.tookMs + closingRootMs - base.tookMs - baseRootMs,
      },
    },
    null,
    2,
  )}\n`,
);
