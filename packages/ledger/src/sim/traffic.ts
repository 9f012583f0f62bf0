/**
 * What people do in a world: sources publish studies, patients allow and revoke. Real tuples with real signatures; made once
 * for a genesis and used again by every seed, for their contents depend on nothing that a seed draws.
 */
import {
  createAllowAccess,
  createClaim,
  createDefineStudy,
  createRevokeAccess,
  SecretKey,
  sha256,
  toHex,
  utf8,
} from '@radpass/core';
import type { Genesis } from '../genesis.js';

const minuteMs = 60_000;

export const keyNamed = (name: string): SecretKey => SecretKey.fromSeed(sha256(utf8(`radpass simulator ${name}`)));

/** Tuples by what they say, over all networks of the process; the oldest go first. */
const made = new Map<string, Uint8Array>();
const maxMade = 20_000;

function once(name: string, make: () => Uint8Array): Uint8Array {
  const known = made.get(name);
  if (known) return known;
  const bytes = make();
  if (made.size >= maxMade) made.delete(made.keys().next().value!);
  made.set(name, bytes);
  return bytes;
}

export class Traffic {
  readonly #genesis: Genesis;
  readonly #network: string;
  readonly #sources: readonly SecretKey[];

  /** @param sources - keys by source number */
  constructor(genesis: Genesis, sources: readonly SecretKey[]) {
    this.#genesis = genesis;
    this.#network = toHex(genesis.chainId);
    this.#sources = sources;
  }

  /** Study number `study` of a source, published at a time of the world. */
  study(source: number, study: number, nowMs: number): Uint8Array {
    const time = this.#minute(nowMs);
    return once(`${this.#network} study ${source} ${study} ${time}`, () => {
      const { chainId } = this.#genesis;
      const key = this.#sources[source]!;
      const claim = createClaim({
        chainId,
        key: this.#patient(source, study),
        sourceKey: key.publicKey,
        studyHash: this.#studyHash(source, study),
      });
      return createDefineStudy({ chainId, key, time, claim }).bytes;
    });
  }

  /** The patient's word on it about one requester. */
  allow(source: number, study: number, requester: string, seq: number): Uint8Array {
    return once(
      `${this.#network} allow ${source} ${study} ${requester} ${seq}`,
      () => createAllowAccess({ ...this.#consent(source, study, requester), seq }).bytes,
    );
  }

  revoke(source: number, study: number, requester: string, seq: number): Uint8Array {
    return once(
      `${this.#network} revoke ${source} ${study} ${requester} ${seq}`,
      () => createRevokeAccess({ ...this.#consent(source, study, requester), seq }).bytes,
    );
  }

  /** Ids of transactions by their bytes. */
  idsOf(transactions: readonly Uint8Array[]): Uint8Array[] {
    return transactions.map(bytes => sha256(bytes));
  }

  /** A seq that is right at a time of the world. */
  seq(nowMs: number): number {
    return this.#minute(nowMs);
  }

  #consent(source: number, study: number, requester: string) {
    return {
      chainId: this.#genesis.chainId,
      key: this.#patient(source, study),
      requesterKey: keyNamed(`requester ${requester}`).publicKey,
      sourceKey: this.#sources[source]!.publicKey,
      studyHash: this.#studyHash(source, study),
    };
  }

  #patient(source: number, study: number): SecretKey {
    return keyNamed(`patient ${source} ${study}`);
  }

  #studyHash(source: number, study: number): Uint8Array {
    return sha256(utf8(`study ${source} ${study}`));
  }

  #minute(nowMs: number): number {
    return Math.floor((this.#genesis.genesisTimeMs + nowMs) / minuteMs) * minuteMs;
  }
}
