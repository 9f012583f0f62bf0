/**
 * The state and the view of block 0, which is no message: id = chainId, slot and height 0.
 *
 * The founders stand as sources with seq 0, no pins and no nextKeyHash. root = justified = finalized = (0, chainId);
 * nonce 0 and, by the rule with no outputs, nonce 1; tables 0 to 2 = the founders' weights. They are what the stake
 * policy gives for sources without studies.
 */

import { lastFoundersEpoch } from './boundary.js';
import {
  addStakeTable,
  finalityTable,
  setEra,
  setLastEpoch,
  setNonce,
  setTableOf,
  stakeTable,
} from './consensus/chainTables.js';
import type { Committee } from './consensus/committee.js';
import { genesisFinality } from './consensus/finality.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { Genesis } from './genesis.js';
import { takeStakeSnapshot } from './stakeSnapshot.js';
import { emptyState, StateLayer, type StateSource } from './stateView.js';
import { addSource } from './tables.js';

/** A block that another is judged on. */
export interface ParentView {
  readonly header: { readonly slot: number; readonly height: number };
  readonly id: Uint8Array;
  readonly state: StateSource;
  /**
   * Slot and height of a block on this block's own chain, itself included; undefined for any other. Asked for blocks
   * down to the final one that this block records; genesis is found under the chainId.
   */
  ancestor(id: Uint8Array): { readonly slot: number; readonly height: number } | undefined;
  /**
   * A block on this block's own chain, itself included, as a parent; undefined for any other. Asked for blocks at most
   * evidenceWindowSlots older than a child of this block.
   */
  at(id: Uint8Array): ParentView | undefined;
}

const nothing = new Uint8Array();

/** The state of block 0 over an empty one, and its root. */
export function genesisState(genesis: Genesis, rules: Consensus = consensus): { layer: StateLayer; root: Uint8Array } {
  const layer = new StateLayer(emptyState);
  for (const { sourceKey, nodeKey, url, weight } of genesis.founders) {
    addSource(layer, sourceKey, {
      seq: 0,
      url,
      nodeKey,
      tlsPins: [],
      standingKey: sourceKey,
      nextKeyHash: nothing,
      definedSlot: 0,
      studyCount: 0,
      hadWeight: weight > 0,
    });
  }
  finalityTable.set(layer, genesisFinality(genesis.chainId));
  const nonce = rules.beacon.genesisNonce(genesis.chainId);
  setNonce(layer, 0, nonce);
  setNonce(layer, 1, rules.beacon.nextNonce(nonce, 1, []));
  const tableId = addStakeTable(layer, takeStakeSnapshot(layer, { genesis, epoch: 0, passed: 0, rules }));
  setEra(layer, { tableId, nonce, opening: null });
  for (let epoch = 0; epoch <= lastFoundersEpoch; epoch++) setTableOf(layer, epoch, tableId);
  setLastEpoch(layer, 0);
  return { layer, root: layer.commitRoot() };
}

/** Block 0 as a parent. */
export function genesisView(genesis: Genesis, rules: Consensus = consensus): ParentView {
  const { layer } = genesisState(genesis, rules);
  const header = { slot: 0, height: 0 };
  const name = genesis.chainId.join();
  const view: ParentView = {
    header,
    id: genesis.chainId,
    state: layer,
    ancestor: id => (id.join() === name ? header : undefined),
    at: id => (id.join() === name ? view : undefined),
  };
  return view;
}

const committees = new WeakMap<Consensus, WeakMap<Genesis, Committee>>();

/** The voters of era 0: those that the founders' table and nonce 0 give. */
export function committeeOfGenesis(genesis: Genesis, rules: Consensus = consensus): Committee {
  const ofRules = committees.get(rules) ?? new WeakMap<Genesis, Committee>();
  committees.set(rules, ofRules);
  const known = ofRules.get(genesis);
  if (known) return known;
  const { layer } = genesisState(genesis, rules);
  const nonce = rules.beacon.genesisNonce(genesis.chainId);
  const committee = rules.committee.selectCommittee(stakeTable(layer, 0), nonce, genesis.params.seats);
  ofRules.set(genesis, committee);
  return committee;
}
