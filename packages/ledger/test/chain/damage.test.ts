import { describe, expect, it } from '@jest/globals';
import { damaged, MemoryStore } from '../../dist/store.js';
import { World } from './world.js';

/** A record rots under a running chain. */
class RottingStore extends MemoryStore {
  rotten: (key: string) => boolean = () => false;

  override get(key: string): Uint8Array | undefined {
    if (this.rotten(key)) throw damaged('a record fails its checksum');
    return super.get(key);
  }
}

describe('a damaged record that only an answer to a peer meets', () => {
  it('stops the chain, and the next opening heals the store', async () => {
    const store = new RottingStore();
    const world = await World.create(1, {}, { stores: [store] });
    await world.slots(4);
    const { chain } = world.members[0]!;
    const { finalHeight } = chain.peerStatus();
    store.rotten = key => key.startsWith('H');
    expect(() => chain.locator()).toThrow('checksum');
    expect((await chain.failed).detail).toMatchObject({ reason: 'LEDGER_STORE_DAMAGED' });
    await expect(chain.receiveTransaction(world.study(0, 'a'))).rejects.toMatchObject({ code: 'LEDGER_CHAIN_STOPPED' });
    store.rotten = () => false;
    await world.restart(0);
    expect(world.members[0]!.chain.peerStatus().finalHeight).toBe(finalHeight);
  });
});
