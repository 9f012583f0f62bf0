import { describe, expect, it } from '@jest/globals';
import { type AccessEvent, toHex } from '@radpass/core';
import type { Delivered } from '../../dist/events.js';
import { verifyStateProof } from '../../dist/light.js';
import type { MemoryStore } from '../../dist/store.js';
import { tables } from '../../dist/tables.js';
import { seedKey } from '../testChain.js';
import { allow, factsOf, minute, patientOf, revoke, studyHashOf, World } from './world.js';

/** A network whose first source has a final study 'a'. */
async function withStudy(count = 1): Promise<World> {
  const world = await World.create(count);
  await world.members[0]!.chain.submitTransaction(world.study(0, 'a'));
  await world.slots(4);
  return world;
}

const submit = (world: World, index: number, tx: { bytes: Uint8Array }) =>
  world.members[index]!.chain.submitTransaction(tx.bytes);

describe('a grant', () => {
  it('counts when final, not before', async () => {
    const world = await withStudy();
    const seq = minute(world.clock.now());
    const tx = allow(world, 0, 'a', 'doctor', seq);
    const grades: string[] = [];
    await submit(world, 0, tx);
    for (let i = 0; i < 8; i++) {
      const { grade } = (await world.members[0]!.chain.transaction(tx.id))!;
      const { grant } = await factsOf(world, 0, 0, 'a', 'doctor');
      expect(grant !== null).toBe(grade === 'final');
      if (grades.at(-1) !== grade) grades.push(grade);
      await world.slots(0.5);
    }
    expect(grades).toEqual(['pending', 'confirmed', 'final']);
    const facts = await factsOf(world, 0, 0, 'a', 'doctor');
    expect(facts).toMatchObject({
      revokedSeq: 0,
      grant: { seq, notAfter: 0 },
      study: { owner: patientOf('a').publicKey },
    });
    expect(facts.source).toMatchObject({ url: 'https://h0.example', seq: 0 });
    const { finalSlot, finalId } = world.members[0]!.chain.status();
    expect(facts.checkpoint).toMatchObject({ slot: finalSlot, blockId: finalId });
    expect(facts.proof.length).toBeGreaterThan(100);
    expect((await factsOf(world, 0, 0, 'a', 'stranger')).grant).toBeNull();
  });
});

describe('a revocation', () => {
  it('counts when first seen, and is told at once', async () => {
    const world = await withStudy(2);
    const seq = minute(world.clock.now());
    await submit(world, 0, allow(world, 0, 'a', 'doctor', seq));
    await world.slots(4);
    const heard: AccessEvent[] = [];
    world.members[1]!.chain.accessView().watch(0, event => heard.push(event));
    const tx = revoke(world, 0, 'a', 'doctor', seq + 1);
    const seen = (): number[] => world.members.map(({ chain }) => chain.status().revocationsSeen);
    const seenBefore = seen();
    await submit(world, 0, tx);
    expect((await factsOf(world, 0, 0, 'a', 'doctor')).revokedSeq).toBe(seq + 1);
    await world.clock.advance(50);
    // The other member knows it from gossip alone; the grant still stands in the final state.
    const facts = await factsOf(world, 1, 0, 'a', 'doctor');
    expect(facts).toMatchObject({ revokedSeq: seq + 1, grant: { seq } });
    expect(heard).toContainEqual({ cursor: expect.any(Number), kind: 'revocation', transaction: tx.bytes });
    expect(seen()).toEqual(seenBefore.map(count => count + 1));
    await world.slots(4);
    expect(await factsOf(world, 1, 0, 'a', 'doctor')).toMatchObject({ revokedSeq: seq + 1, grant: null });
  });

  it('stays over a restart that comes before its block', async () => {
    const world = await withStudy();
    const seq = minute(world.clock.now());
    await submit(world, 0, revoke(world, 0, 'a', null, seq));
    const seen = world.members[0]!.chain.status().revocationsSeen;
    await world.restart(0, (world.members[0]!.store as MemoryStore).copy());
    expect(world.members[0]!.chain.status().revocationsSeen).toBeGreaterThan(seen);
    expect((await factsOf(world, 0, 0, 'a', 'anyone')).revokedSeq).toBe(seq);
    await world.slots(4);
    const entry = (await world.members[0]!.chain.transaction(revoke(world, 0, 'a', null, seq).id))!;
    expect(entry.grade).toBe('final');
  });

  it('heard only by gossip stays over a restart', async () => {
    const world = await withStudy(2);
    const seq = minute(world.clock.now());
    await submit(world, 0, revoke(world, 0, 'a', 'doctor', seq));
    await world.clock.advance(50);
    world.partition([0], [1]);
    await world.restart(1, (world.members[1]!.store as MemoryStore).copy());
    expect((await factsOf(world, 1, 0, 'a', 'doctor')).revokedSeq).toBe(seq);
    // It is told again to whoever comes, though it was another node's user who sent it.
    expect((await world.members[1]!.chain.transaction(revoke(world, 0, 'a', 'doctor', seq).id))?.grade).toBe('pending');
  });

  it('stays when the branch that held it is left', async () => {
    const world = await World.create(4);
    await world.members[0]!.chain.submitTransaction(world.study(0, 'a'));
    await world.slots(4);
    const seq = minute(world.clock.now());
    world.partition([0], [1, 2, 3]);
    const tx = revoke(world, 0, 'a', 'doctor', seq);
    await submit(world, 0, tx);
    await world.slots(10);
    expect((await world.members[0]!.chain.transaction(tx.id))!.grade).toBe('included');
    const branch = (await world.members[0]!.chain.transaction(tx.id))!.blockId!;
    world.heal();
    await world.sync(0);
    // Its block is gone, the other members' chain stands; the revocation counts all the same.
    expect(await world.members[0]!.chain.block(branch)).toBeNull();
    expect(toHex(world.members[0]!.chain.status().headId)).toBe(toHex(world.members[1]!.chain.status().headId));
    expect((await factsOf(world, 0, 0, 'a', 'doctor')).revokedSeq).toBe(seq);
    await world.slots(6);
    expect((await world.members[2]!.chain.transaction(tx.id))?.grade).toBe('final');
  });
});

describe('queries', () => {
  it('answer from the final state, with proofs', async () => {
    const world = await withStudy();
    const seq = minute(world.clock.now());
    await submit(world, 0, allow(world, 0, 'a', 'doctor', seq));
    await submit(world, 0, revoke(world, 0, 'a', 'other', seq));
    await world.slots(4);
    const { chain } = world.members[0]!;
    const [sourceKey, requesterKey] = [seedKey('source 0').publicKey, seedKey('doctor').publicKey];
    const hash = studyHashOf('a');
    expect(chain.sources().sources).toMatchObject([{ sourceKey, studyCount: 1 }]);
    expect(chain.source(sourceKey).source).toMatchObject({ url: 'https://h0.example' });
    expect(chain.source(requesterKey).source).toBeNull();
    const study = { sourceKey, studyHash: hash, owner: patientOf('a').publicKey, generation: 0, withdrawn: false };
    expect((await chain.studies({ hashPrefix: toHex(hash).slice(0, 7) })).studies).toMatchObject([study]);
    expect((await chain.studies({ patientPrefix: toHex(patientOf('a').publicKey) })).studies).toMatchObject([study]);
    expect((await chain.studies({ hashPrefix: toHex(hash).startsWith('0') ? '1' : '0' })).studies).toEqual([]);
    const grant = { sourceKey, studyHash: hash, requesterKey, type: 3, seq, floorSeq: 0, revokedSeq: 0 };
    expect((await chain.grants({ requesterPrefix: toHex(requesterKey).slice(0, 5) })).grants).toMatchObject([grant]);
    const byHash = await chain.grants({ hashPrefix: toHex(hash) });
    expect(byHash.grants.length).toBe(2);
    expect(byHash.revocations).toMatchObject([{ requesterKey: seedKey('other').publicKey, seq }]);
    const patientKey = patientOf('a').publicKey;
    const whole = [hash, sourceKey, patientKey, requesterKey].map(toHex).join('');
    expect((await chain.grants({ hashPrefix: whole })).grants).toMatchObject([grant]);
    expect((await chain.grants({ hashPrefix: whole })).revocations).toHaveLength(1);
    expect((await chain.studies({ hashPrefix: whole.slice(0, 128) })).studies).toMatchObject([study]);
    const other = [hash, patientKey].map(toHex).join('');
    expect((await chain.studies({ hashPrefix: other })).studies).toEqual([]);
    const { checkpoint, value, proof } = chain.proof(tables.sources, sourceKey);
    const root = checkpoint.stateRoot;
    expect(toHex(root)).toBe(toHex(chain.status().stateRoot));
    expect(verifyStateProof({ root, table: tables.sources, tableKey: sourceKey, value, proof })).toBe(true);
    expect(verifyStateProof({ root, table: tables.sources, tableKey: requesterKey, value, proof })).toBe(false);
    expect(chain.seqBound({ sourceKey })).toBe(1);
    const scope = { sourceKey, studyHash: hash, patientKey: patientOf('a').publicKey };
    expect(chain.seqBound({ ...scope, requesterKey })).toBe(seq + 1);
    expect(chain.seqBound(scope)).toBe(seq + 1);
    const { finalHeight } = chain.status();
    expect(await chain.producers()).toMatchObject([{ sourceKey, blocks: finalHeight }]);
  });

  it('ask for more digits when there are more than 64 answers', async () => {
    const world = await World.create(1, {
      params: { ...(await World.create(1)).genesis.params, maxStudiesPerSource: 128 },
    });
    for (let i = 0; i < 65; i++) await world.members[0]!.chain.submitTransaction(world.study(0, `n${i}`));
    await world.slots(4);
    const { chain } = world.members[0]!;
    expect(chain.status().studies).toBe(65);
    const all = Array.from({ length: 65 }, (_, i) => toHex(studyHashOf(`n${i}`)));
    const found = await Promise.all(
      Array.from('0123456789abcdef', async digit => (await chain.studies({ hashPrefix: digit })).studies),
    );
    expect(
      found
        .flat()
        .map(({ studyHash }) => toHex(studyHash))
        .sort(),
    ).toEqual(all.sort());
    await expect(chain.studies({ hashPrefix: 'xyz' })).rejects.toMatchObject({ code: 'LEDGER_PREFIX' });
  });
});

describe('events', () => {
  it('go on from a cursor without gap or repetition, and say when they can not', async () => {
    const world = await World.create(1);
    const { chain } = world.members[0]!;
    const all: Delivered[] = [];
    chain.events(0, event => all.push(event));
    expect(all).toMatchObject([{ kind: 'reset' }]);
    await world.slots(3);
    const part: Delivered[] = [];
    const stop = chain.events(all[2]!.cursor, event => part.push(event));
    expect(part).toEqual(all.slice(3));
    await world.slots(2);
    expect(part).toEqual(all.slice(3));
    stop();
    const heard = part.length;
    await world.slots(1);
    expect(part.length).toBe(heard);
    expect(all.slice(1).every((event, i) => event.cursor === all[1]!.cursor + i)).toBe(true);
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(['reset', 'head', 'final']));
    await world.stop(0);
    await world.restart(0);
    const after: Delivered[] = [];
    world.members[0]!.chain.events(all.at(-1)!.cursor, event => after.push(event));
    expect(after).toMatchObject([{ kind: 'reset' }]);
    await world.slots(2);
    expect(after[1]!.cursor).toBeGreaterThan(all.at(-1)!.cursor);
  });
});
