/**
 * SIMULATION ONLY: more sources with weight than a genesis can name. Draw and election are the shipped functions; what they are
 * given is the state's table with so many sources added, each with a node key of its own. The nodes of the world hold those
 * keys among them and sign with each. So seats, votes, certificates and finality are as in a network of that many sources;
 * the sources' registrations, studies and machines are not played, and no epoch ends in a run.
 */
import { compareBytes, type PublicKey, parsePublicKey, sha256, toHex, u64be, utf8 } from '@radpass/core';
import { stakeTable } from '../consensus/chainTables.js';
import type { Consensus } from '../consensus/index.js';
import type { StakeEntry } from '../consensus/leader.js';
import type { StakeTable } from '../consensus/stake.js';
import { studyWeight } from '../consensus/stakePolicy.js';
import type { Genesis } from '../genesis.js';
import { committeeOfGenesis, genesisState } from '../genesisState.js';
import { Random } from './random.js';

/** A node key that only keyed hashes are made with (simSignatures.ts). */
export interface SimKey {
  readonly publicKey: PublicKey;
  /** 32 bytes */
  readonly secret: Uint8Array;
}

/** An added source has 1 study or 2 or 4 and so on to 2,048, each as likely: great and small ones. */
const sizes = 12;
const prefix = utf8('radpass simulator added source ');

export class ManySources {
  readonly #added: readonly StakeEntry[];
  readonly #secrets = new Map<string, Uint8Array>();
  readonly #slots: number;
  readonly #tables = new WeakMap<readonly StakeEntry[], StakeTable>();

  /**
   * @param p.added - sources beside the members of the world
   * @param p.slots - of the run: an epoch at most
   */
  constructor(p: { seed: string; added: number; slots: number }) {
    const random = new Random(`${p.seed} sources`);
    this.#slots = p.slots;
    this.#added = Array.from({ length: p.added }, (_, i) => {
      const secret = sha256(prefix, utf8('secret'), u64be(i));
      const nodeKey = parsePublicKey(sha256(prefix, utf8('node'), u64be(i)));
      this.#secrets.set(toHex(nodeKey), secret);
      const sourceKey = parsePublicKey(sha256(prefix, utf8('source'), u64be(i)));
      return { sourceKey, nodeKey, weight: studyWeight * 2 ** random.below(sizes) };
    });
  }

  /** The rules with the added sources in every table that is drawn from. */
  over(rules: Consensus): Consensus {
    const { committee, election } = rules;
    return {
      ...rules,
      election: {
        selectLeader: (entries, nonce, slot) => election.selectLeader(this.#with(entries).entries, nonce, slot),
      },
      committee: {
        ...committee,
        selectCommittee: (table, nonce, seats) => committee.selectCommittee(this.#with(table.entries), nonce, seats),
      },
    };
  }

  /**
   * The keys that sign in the run, dealt out to the nodes: of the added sources with a seat in the first era, and of those
   * that lead a slot. The others' would never be used.
   * @param rules - those that `over` gave
   * @throws RangeError for a run that leaves the first epoch
   */
  keysOf(genesis: Genesis, rules: Consensus, nodes: number): SimKey[][] {
    if (this.#slots >= genesis.params.slotsPerEpoch) {
      throw new RangeError(`added sources are for runs within an epoch of ${genesis.params.slotsPerEpoch} slots`);
    }
    const { entries } = stakeTable(genesisState(genesis, rules).layer, 0);
    const nonce = rules.beacon.genesisNonce(genesis.chainId);
    const leaders = Array.from({ length: this.#slots }, (_, i) => rules.election.selectLeader(entries, nonce, i + 1));
    const signing = [...committeeOfGenesis(genesis, rules).voters, ...leaders].map(entry => entry.nodeKey);
    const byName = new Map(signing.map(nodeKey => [toHex(nodeKey), nodeKey]));
    const dealt: SimKey[][] = Array.from({ length: nodes }, () => []);
    let next = 0;
    for (const [name, publicKey] of byName) {
      const secret = this.#secrets.get(name);
      if (secret) dealt[next++ % nodes]!.push({ publicKey, secret });
    }
    return dealt;
  }

  #with(entries: readonly StakeEntry[]): StakeTable {
    const known = this.#tables.get(entries);
    if (known) return known;
    const all = [...entries, ...this.#added].sort((a, b) => compareBytes(a.sourceKey, b.sourceKey));
    const table = { entries: all, total: all.reduce((sum, { weight }) => sum + weight, 0) };
    this.#tables.set(entries, table);
    return table;
  }
}
