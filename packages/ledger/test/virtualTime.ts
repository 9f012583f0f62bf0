/** Epochs at the level of rules: no blocks, no signatures, only what a chain's state goes through, so that years pass in a test. */
import { concatBytes, sha256, toHex, u64be } from '@radpass/core';
import { applyBoundary } from '../dist/boundary.js';
import { addVrfOutput, finalityOf, finalityTable, nonceOf, stakeTable } from '../dist/consensus/chainTables.js';
import { type Consensus, consensus } from '../dist/consensus/index.js';
import type { StakeEntry } from '../dist/consensus/leader.js';
import { epochOf } from '../dist/consensus/params.js';
import type { Genesis } from '../dist/genesis.js';
import { genesisState } from '../dist/genesisState.js';
import { StateLayer, type StateSource } from '../dist/stateView.js';

/** A stand-in for a block's VRF output, 64 bytes. */
export function fakeOutput(slot: number): Uint8Array {
  return concatBytes(sha256(u64be(slot)), sha256(u64be(slot), u64be(1)));
}

export class VirtualChain {
  readonly layer: StateLayer;
  height: number;

  constructor(
    readonly genesis: Genesis,
    start: { state: StateSource; height: number } = { state: genesisState(genesis).layer, height: 0 },
    readonly rules: Consensus = consensus,
  ) {
    this.layer = new StateLayer(start.state);
    this.height = start.height;
  }

  /** A block in `slot`; records blocks up to `finalHeight` as final, by default the grandparent. Returns its leader. */
  step(slot: number, finalHeight = Math.max(0, this.height - 1)): StakeEntry {
    const { genesis, rules } = this;
    const epoch = epochOf(slot, genesis.params);
    applyBoundary(this.layer, { genesis, parentHeight: this.height, epoch, rules });
    const { entries } = stakeTable(this.layer, epoch);
    const leader = rules.election.selectLeader(entries, nonceOf(this.layer, epoch), slot);
    const record = finalityOf(this.layer);
    if (finalHeight > record.finalizedHeight)
      finalityTable.set(this.layer, { ...record, finalizedHeight: finalHeight });
    addVrfOutput(this.layer, slot, fakeOutput(slot));
    this.height++;
    return leader;
  }

  /** Blocks in all slots from `first` to `last`; how often each source, in hex, led. */
  run(first: number, last: number): Map<string, number> {
    const led = new Map<string, number>();
    for (let slot = first; slot <= last; slot++) {
      const name = toHex(this.step(slot).sourceKey);
      led.set(name, (led.get(name) ?? 0) + 1);
    }
    return led;
  }

  /** Keys of the values in these tables, sorted. */
  keysIn(...numbers: number[]): string[] {
    const known = [...this.layer.changes].filter(([key, value]) => value && key.startsWith('L'));
    return known
      .map(([key]) => key)
      .filter(key => numbers.includes(key.charCodeAt(1)))
      .sort();
  }
}
