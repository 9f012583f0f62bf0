/** Who owns a study, as nodes say it: the latest owner that any of them knows, a reassignment at its time. */
import { describe, expect, it } from '@jest/globals';
import { NodeApi } from '@radpass/client';
import { SecretKey, toHex } from '@radpass/core';
import { ledgerStudy } from '../dist/ledgerStudy.js';

const keyOf = (n: number) => SecretKey.fromSeed(new Uint8Array(32).fill(n)).publicKey;
const [source, first, second] = [keyOf(1), keyOf(2), keyOf(3)];
const studyHash = '0b'.repeat(32);
const zeros = '00'.repeat(32);

/** A node at `slot` that knows a reassignment to `second`, to take effect at slot 100. */
function nodeAt(slot: number, changes: object | null = {}): NodeApi {
  const entry = {
    sourceKey: toHex(source),
    studyHash,
    owner: toHex(first),
    ownerSinceSlot: 1,
    generation: 0,
    withdrawn: false,
    pendingOwner: toHex(second),
    effectSlot: 100,
    reassignId: zeros,
  };
  const studies = changes === null ? [] : [{ ...entry, ...changes }];
  const body = JSON.stringify({ checkpoint: { slot, blockId: zeros, timeMs: slot, stateRoot: zeros }, studies });
  const bytes = new TextEncoder().encode(body);
  return new NodeApi({
    url: 'http://127.0.0.1:1',
    fetch: async () => ({ status: 200, headers: { get: () => null }, arrayBuffer: async () => bytes.slice().buffer }),
  });
}

describe('the owner of a study', () => {
  it('is the former one until the slot of the reassignment, and the new one from then on', async () => {
    expect(await ledgerStudy([nodeAt(99)], source, studyHash)).toMatchObject({ owner: first, generation: 0 });
    expect(await ledgerStudy([nodeAt(100)], source, studyHash)).toMatchObject({ owner: second, generation: 1 });
  });

  it('is what the node knows that has come furthest', async () => {
    const nodes = [nodeAt(99), nodeAt(101), nodeAt(98, null)];
    expect(await ledgerStudy(nodes, source, studyHash)).toMatchObject({ owner: second, generation: 1 });
    expect(await ledgerStudy([nodeAt(98, null)], source, studyHash)).toBeNull();
  });
});
