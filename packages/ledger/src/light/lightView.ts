/**
 * What a node tells light clients: its newest final block with the certificate, how one era handed over to the next, and
 * who votes in an era. Everything is cut down to what a client needs, and nothing of it has to be believed.
 */
import { equalBytes } from '@radpass/core';
import { blockId } from '../block.js';
import type { Branches } from '../branches.js';
import { formatCheckpoint, type NamedCheckpoint } from '../checkpoint.js';
import { finalizes } from '../consensus/finality.js';
import type { FinalView } from '../finalView.js';
import type { Genesis } from '../genesis.js';
import { storeKeys } from '../storeKeys.js';
import { trimCertificate } from './certificate.js';
import {
  type CertifiedHeader,
  encodeLightUpdate,
  encodeVoters,
  type HandOver,
  lightLimits,
  parseHandOver,
} from './update.js';

export class LightView {
  readonly #genesis: Genesis;
  readonly #branches: Branches;
  readonly #view: FinalView;
  /** The update made last, by its checkpoint: many ask for the same one. */
  #newest: { readonly slot: number; readonly id: Uint8Array; readonly update: Uint8Array } | null = null;

  readonly #recoveries: readonly NamedCheckpoint[];

  constructor(p: {
    genesis: Genesis;
    branches: Branches;
    view: FinalView;
    recoveries: readonly NamedCheckpoint[];
  }) {
    this.#recoveries = p.recoveries;
    this.#genesis = p.genesis;
    this.#branches = p.branches;
    this.#view = p.view;
  }

  /** An update to the newest final block, if its certificate is at hand; it leads over no era. */
  checkpoint(): Uint8Array {
    return this.#view.at(({ slot, blockId }, final) => {
      const known = this.#newest;
      if (known && known.slot === slot && equalBytes(known.id, blockId)) return known.update;
      const update = encodeLightUpdate({ handOvers: [], final: this.#certified(slot, this.#view.headerOf(final)) });
      this.#newest = { slot, id: blockId, update };
      return update;
    });
  }

  /** Hand-overs from the era of this root on, as an update; null for a root that is not known. */
  handOvers(rootId: Uint8Array): Uint8Array | null {
    if (!this.#branches.records.era(rootId)) return null;
    const handOvers: HandOver[] = [];
    for (let from = rootId; handOvers.length < lightLimits.handOvers; ) {
      const stored = this.#branches.get(storeKeys.handOver(from));
      if (!stored) break;
      const handOver = parseHandOver(stored);
      handOvers.push(handOver);
      from = blockId(handOver.header);
    }
    return encodeLightUpdate({ handOvers, final: null });
  }

  /** The file of the recovery that ended the era of this root, if its block is final here; null if none did. */
  recovery(endedRootId: Uint8Array): string | null {
    const found = this.#recoveries.find(({ replaces }) => equalBytes(replaces, endedRootId));
    return found && this.#branches.records.era(found.blockId) ? formatCheckpoint(found) : null;
  }

  /** The voters of the era of this root, in the order of the bits; null for a root that is not known. */
  voters(rootId: Uint8Array): Uint8Array | null {
    const era = this.#branches.records.era(rootId);
    return era && encodeVoters(era.voters);
  }

  #certified(slot: number, header: Uint8Array): CertifiedHeader | null {
    const id = header.length > 0 ? blockId(header) : null;
    const found =
      id &&
      this.#branches.certificates.find(
        ({ message }) => finalizes(message) && message.sourceSlot === slot && equalBytes(message.sourceId, id),
      );
    const era = found && this.#branches.records.era(found.message.rootId);
    if (!era) return null;
    const { params, genesisTimeMs, chainId } = this.#genesis;
    const light = { root: { slot: era.slot, id: found.message.rootId }, voters: era.voters };
    return { header, certificate: trimCertificate(found, light, { ...params, genesisTimeMs, chainId }) };
  }
}
