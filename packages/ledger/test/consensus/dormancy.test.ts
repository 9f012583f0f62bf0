import { describe, expect, it } from '@jest/globals';
import { equalBytes, type PublicKey } from '@radpass/core';
import { leaderOfSlot } from '../../dist/boundary.js';
import { stakeTable } from '../../dist/consensus/chainTables.js';
import { isDormant, type Silence, silenceAfter, sleeps, wake } from '../../dist/consensus/dormancy.js';
import { tinyParams } from '../../dist/consensus/params.js';
import { createGenesis } from '../../dist/genesis.js';
import { testContent } from '../testChain.js';
import { VirtualChain } from '../virtualTime.js';

const params = { dormantDuties: 100, dormantEpochs: 10 };

function after(epochs: readonly { missed: number; done: number }[], start?: Silence): Silence | null {
  let silence: Silence | null = start ?? null;
  for (const epoch of epochs) silence = silenceAfter(silence ?? undefined, epoch, params);
  return silence;
}
const silent = (missed: number, epochs: number) => Array.from({ length: epochs }, () => ({ missed, done: 0 }));

describe('dormancy', () => {
  it('needs both: so many duties missed in a row, and so many epochs', () => {
    const asleep = (epochs: ReturnType<typeof silent>) => isDormant(after(epochs) ?? [0, 0], params);
    expect([asleep(silent(1_000, 9)), asleep(silent(1_000, 10))]).toEqual([false, true]);
    expect([asleep(silent(1, 99)), asleep(silent(1, 100))]).toEqual([false, true]);
  });
  it('begins anew with any block or vote', () => {
    expect(after([...silent(50, 9), { missed: 40, done: 1 }])).toBeNull();
    expect(after([...silent(50, 9), { missed: 0, done: 1 }, ...silent(10, 2)])).toEqual([20, 2]);
  });
  it('counts no epoch without duties', () => {
    expect(after([...silent(50, 9), ...silent(0, 1_000)])).toEqual([100, 9]);
  });
  it('lasts, once there, whatever comes: only a defineSource ends it', () => {
    expect(after([{ missed: 0, done: 5 }], [100, 10])).toEqual([100, 10]);
  });
});

describe('a source that is gone', () => {
  const genesis = createGenesis(testContent(4, { params: { ...tinyParams, voteWindowSlots: 8 } }));
  const per = genesis.params.slotsPerEpoch;
  const gone = genesis.founders[3]!.sourceKey;
  const inTable = (chain: VirtualChain, epoch: number) =>
    stakeTable(chain.layer, epoch).entries.some(entry => equalBytes(entry.sourceKey, gone));

  /** Blocks by all but the gone; the last block of an epoch comes always. */
  function run(chain: VirtualChain, from: number, to: number, without: PublicKey | null = gone): void {
    for (let slot = from; slot <= to; slot++) {
      const leader = leaderOfSlot(genesis, chain.layer, slot).sourceKey;
      if (!without || !equalBytes(leader, without)) chain.step(slot);
    }
  }
  const asleepFrom = (chain: VirtualChain): number => {
    for (let epoch = 0; epoch < 40; epoch++) {
      run(chain, Math.max(1, epoch * per), (epoch + 1) * per - 1);
      if (sleeps(chain.layer, gone, genesis.params)) return epoch;
    }
    return -1;
  };

  it('has no weight from the third table after it fell asleep, until it publishes defineSource', () => {
    const chain = new VirtualChain(genesis);
    const epoch = asleepFrom(chain);
    expect(epoch).toBeGreaterThanOrEqual(genesis.params.dormantEpochs + 1);
    const seen: boolean[] = [];
    for (let at = epoch + 1; at <= epoch + 4; at++) {
      run(chain, at * per, (at + 1) * per - 1);
      seen.push(inTable(chain, at));
    }
    expect(seen).toEqual([true, true, false, false]);
    wake(chain.layer, gone);
    run(chain, (epoch + 5) * per, (epoch + 8) * per, null);
    expect(inTable(chain, epoch + 8)).toBe(true);
  });

  it('keeps its weight while finality stalls, however long it sleeps', () => {
    const chain = new VirtualChain(genesis);
    const epoch = asleepFrom(chain);
    for (let slot = (epoch + 1) * per; slot < (epoch + 12) * per; slot++) chain.step(slot, 0);
    expect(inTable(chain, epoch + 11)).toBe(true);
  });

  it('is no different from others when the whole network stands still', () => {
    const chain = new VirtualChain(genesis);
    run(chain, 1, 3 * per - 1, null);
    run(chain, 1_000 * per, 1_010 * per, null);
    expect(genesis.founders.filter(({ sourceKey }) => sleeps(chain.layer, sourceKey, genesis.params))).toEqual([]);
    expect(stakeTable(chain.layer, 1_010).entries).toHaveLength(4);
  });
});
