/**
 * What a node tells light clients: its newest final block with the certificate, how one era handed over to the next, and
 * who votes in an era. Everything is cut down to what a client needs, and nothing of it has to be believed.
 */
import { equalBytes } from '@radpass/core';
import type { Branches } from '../branches.js';
import { finalizes } from '../consensus/finality.js';
import type { FinalView } from '../finalView.js';
import type { Genesis } from '../genesis.js';
import { committeeOfGenesis } from '../genesisState.js';
import { type LightEra, trimCertificate } from './certificate.js';
import { type CertifiedHeader, encodeLightUpdate, encodeVoters } from './update.js';

export class LightView {
  readonly #genesis: Genesis;
  readonly #branches: Branches;
  readonly #view: FinalView;
  /** The update made last, by its checkpoint: many ask for the same one. */
  #newest: { readonly slot: number; readonly id: Uint8Array; readonly update: Uint8Array } | null = null;

  constructor(p: { genesis: Genesis; branches: Branches; view: FinalView }) {
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
    return this.#era(rootId) ? encodeLightUpdate({ handOvers: [], final: null }) : null;
  }

  /** The voters of the era of this root, in the order of the bits; null for a root that is not known. */
  voters(rootId: Uint8Array): Uint8Array | null {
    const era = this.#era(rootId);
    return era && encodeVoters(era.voters);
  }

  #certified(slot: number, header: Uint8Array): CertifiedHeader | null {
    const found = this.#branches.certificates.find(({ message }) => finalizes(message) && message.sourceSlot === slot);
    const era = found && this.#era(found.message.rootId);
    if (!era || header.length === 0) return null;
    const { params, genesisTimeMs, chainId } = this.#genesis;
    return { header, certificate: trimCertificate(found, era, { ...params, genesisTimeMs, chainId }) };
  }

  #era(rootId: Uint8Array): LightEra | null {
    const { chainId } = this.#genesis;
    if (!equalBytes(rootId, chainId)) return null;
    return { root: { slot: 0, id: chainId }, voters: committeeOfGenesis(this.#genesis).voters };
  }
}
