/**
 * A light client that was away: bytes and CPU seconds to follow, on one core with signatures in plain JavaScript.
 *
 *   node bench/light.mjs [--days 7] [--sources 4,100,16000] [--year]
 *
 * Every day ends an era. Voters are drawn by the ledger's own rule: up to 512 sources all vote with their weight, of more
 * 512 seats are drawn; weights change every day, so every hand-over brings its list. Certificates are cut down to a quorum
 * as a node does. The last line of each row is an update to the newest final block; a gateway pays for that one alone.
 * The anchor is one signature checked by itself, in the same run. --year follows 365 eras, as a network would allow whose
 * trustMs is longer; with 7 days, a client that was away for a year begins at a checkpoint and follows at most 7.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { parseArgs } from 'node:util';
import { nobleVerifier, SecretKey, sha256, signingPreimage, utf8 } from '@radpass/core';
import { createGenesis, defaultParams, encodeHeader } from '@radpass/ledger';
import { encodeLightUpdate, LightClient, lightLimits, parseLightUpdate } from '@radpass/ledger/light';
import { selectCommittee } from '../dist/consensus/committee.js';
import { assembleVoteSet, encodeVoteMessage } from '../dist/consensus/votes.js';
import { trimCertificate, votersRoot } from '../dist/light/certificate.js';

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '7' },
    sources: { type: 'string', default: '4,100,16000' },
    year: { type: 'boolean', default: false },
  },
});
const days = values.year ? 365 : Number(values.days);
const params = { ...defaultParams, trustMs: values.year ? 400 * 86_400_000 : defaultParams.trustMs };
const slotsPerDay = params.slotsPerEpoch * params.eraEpochs;
const hash = name => sha256(utf8(name));
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Only voters need keys: a source's is made when it is drawn. */
const signers = new Map();
function signerOf(name) {
  const known = signers.get(name);
  if (known) return known;
  const seed = hash(`node ${name}`);
  const { publicKey } = SecretKey.fromSeed(seed);
  const der = Buffer.concat([pkcs8, seed]);
  const made = { publicKey, privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
  signers.set(name, made);
  return made;
}

function votersOn(day, count) {
  const entries = Array.from({ length: count }, (_, i) => {
    const sourceKey = hash(`source ${i}`);
    return { sourceKey, nodeKey: sourceKey, weight: 1_000_000 + ((i * 7919 + day * 104_729) % 1_000_003), name: i };
  }).sort((a, b) => Buffer.compare(a.sourceKey, b.sourceKey));
  const table = { entries, total: entries.reduce((sum, { weight }) => sum + weight, 0) };
  const { voters } = selectCommittee(table, hash(`nonce ${day}`), params.seats);
  return voters.map(({ name, weight }) => ({ ...signerOf(name), nodeKey: signerOf(name).publicKey, weight }));
}

const plain = voters => voters.map(({ nodeKey, weight }) => ({ nodeKey, weight }));

function chainOf(count) {
  const first = votersOn(0, Math.min(count, 512));
  const genesis = createGenesis({
    genesisTimeMs: 1_700_000_040_000,
    params,
    stakePolicy: 'open',
    founders: first.map(({ publicKey }, i) => ({
      sourceKey: SecretKey.fromSeed(hash(`founder ${i}`)).publicKey,
      nodeKey: publicKey,
      url: 'https://h.example',
      weight: 1000,
    })),
    ...{ payers: [], checkpointKeys: [], checkpointThreshold: 0, studyHashForms: [32], allowList: [] },
  });
  const network = { ...params, chainId: genesis.chainId, genesisTimeMs: genesis.genesisTimeMs };
  const byKey = new Map(first.map(voter => [Buffer.from(voter.nodeKey).toString('hex'), voter]));
  const client = LightClient.open({ genesis, nowMs: genesis.genesisTimeMs });
  // Founders vote in the order of their sourceKeys, each with the same weight.
  let era = {
    root: client.root,
    voters: genesis.founders.map(({ nodeKey }) => ({
      ...byKey.get(Buffer.from(nodeKey).toString('hex')),
      weight: 1_000_000_000,
    })),
  };
  const certify = (header, slot) => {
    const message = {
      rootId: era.root.id,
      sourceSlot: slot,
      sourceId: sha256(header),
      targetSlot: slot + 1,
      targetId: hash('t'),
    };
    const preimage = signingPreimage('vote', genesis.chainId, encodeVoteMessage(message));
    const votes = era.voters.map(({ privateKey }, voter) => ({
      voter,
      signature: new Uint8Array(sign(null, preimage, privateKey)),
    }));
    return trimCertificate(assembleVoteSet(message, votes, votes.length), era, network);
  };
  const header = (slot, committeeRoot) => {
    const some = name => hash(`${name} ${slot}`);
    const root = era.root;
    return encodeHeader({
      ...{
        rulesVersion: 1,
        chainId: genesis.chainId,
        slot,
        height: slot,
        parent: some('p'),
        producer: genesis.founders[0].sourceKey,
      },
      ...{
        vrfProof: new Uint8Array(80),
        txRoot: some('t'),
        voteRoot: some('v'),
        witnessRoot: some('w'),
        evidenceRoot: some('e'),
      },
      ...{ stateRoot: some('s'), committeeRoot, root, justified: { slot: slot - 1, id: some('j') } },
      ...{ finalized: { slot: slot - 2, id: some('f') }, bodySize: 4000 },
    });
  };
  const updates = [];
  let handOvers = [];
  for (let day = 1; day <= days; day++) {
    const voters = votersOn(day, count);
    const slot = day * slotsPerDay;
    const opening = header(slot, votersRoot(plain(voters)));
    handOvers.push({ header: opening, certificate: certify(opening, slot), voters: plain(voters) });
    era = { root: { slot, id: sha256(opening) }, voters };
    if (handOvers.length === lightLimits.handOvers) {
      updates.push(encodeLightUpdate({ handOvers, final: null }));
      handOvers = [];
    }
  }
  const slot = days * slotsPerDay + 60;
  const last = header(slot, votersRoot(plain(era.voters)));
  const certificate = certify(last, slot);
  if (handOvers.length > 0) updates.push(encodeLightUpdate({ handOvers, final: null }));
  const newest = encodeLightUpdate({ handOvers: [], final: { header: last, certificate } });
  // Away since genesis: the clock is just after the newest block, as far as trust reaches.
  const nowMs = genesis.genesisTimeMs + (slot + 1) * params.slotMs;
  return { genesis, updates, newest, nowMs, votes: certificate.signatures.length };
}

/** Milliseconds of CPU of this process: what a busy machine leaves alone. */
function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function anchorMs() {
  const key = SecretKey.fromSeed(hash('anchor'));
  const message = hash('message');
  const signature = new Uint8Array(
    sign(
      null,
      message,
      createPrivateKey({ key: Buffer.concat([pkcs8, hash('anchor')]), format: 'der', type: 'pkcs8' }),
    ),
  );
  const times = Array.from({ length: 40 }, () => {
    const begun = cpuMs();
    if (!nobleVerifier.verify(signature, message, key.publicKey)) throw new Error('the anchor does not verify');
    return cpuMs() - begun;
  });
  return times.sort((a, b) => a - b)[20];
}

console.log(
  'sources  days   votes in a certificate   bytes     seconds   newest block alone: bytes  ms   1 signature: ms',
);
for (const count of values.sources.split(',').map(Number)) {
  const { genesis, updates, newest, nowMs, votes } = chainOf(count);
  const client = LightClient.open({ genesis, nowMs: genesis.genesisTimeMs });
  const before = anchorMs();
  const begun = cpuMs();
  // Trust is renewed by what is seen: the client asks with the clock at which it comes back.
  const late = nowMs - genesis.genesisTimeMs > params.trustMs ? genesis.genesisTimeMs + params.trustMs : nowMs;
  for (const update of updates) client.advance(parseLightUpdate(update), Math.max(late, nowMs - params.trustMs));
  const between = cpuMs();
  client.advance(parseLightUpdate(newest), nowMs);
  const ended = cpuMs();
  if (client.final.slot !== days * slotsPerDay + 60) throw new Error('the client did not get there');
  const bytes = updates.reduce((sum, update) => sum + update.length, 0) + newest.length;
  console.log(
    [
      String(count).padStart(7),
      String(days).padStart(5),
      String(votes).padStart(12),
      bytes.toLocaleString('en').padStart(21),
      ((ended - begun) / 1000).toFixed(2).padStart(11),
      newest.length.toLocaleString('en').padStart(18),
      (ended - between).toFixed(0).padStart(10),
      ((before + anchorMs()) / 2).toFixed(2).padStart(12),
    ].join(' '),
  );
}
