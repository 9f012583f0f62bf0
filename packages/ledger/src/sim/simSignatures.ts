/**
 * SIMULATION ONLY: keyed hashes instead of Ed25519 for node keys, for a world has millions of votes. The world knows every
 * secret and can therefore check what only the holder can make; in the open such signatures would prove nothing. Forgeries
 * are refused as by the real rule. Keys that are not registered here (sources, patients) are judged by a real verifier.
 */
import {
  concatBytes,
  equalBytes,
  findInvalidSignature,
  nobleVerifier,
  type PublicKey,
  type SignedBytes,
  sha256,
  toHex,
  type Verifier,
} from '@radpass/core';
import type { Beacon } from '../consensus/index.js';
import { vrfOutput, vrfVerify } from '../consensus/vrf.js';
import type { Hash } from '../stateTree.js';

const proofEnd = new Uint8Array(16);

export class SimSignatures implements Verifier {
  readonly backend = 'simulation';
  readonly #real: Verifier;
  readonly #hash: Hash;
  readonly #secrets = new Map<string, Uint8Array>();
  /** The same key comes as the same object again and again. */
  readonly #known = new WeakMap<Uint8Array, Uint8Array>();
  /** VRF outputs by the proof, which comes with one block to all nodes. */
  readonly #outputs = new WeakMap<Uint8Array, Uint8Array>();

  constructor(p: { real?: Verifier | undefined; hash?: Hash | undefined } = {}) {
    this.#real = p.real ?? nobleVerifier;
    this.#hash = p.hash ?? sha256;
  }

  register(key: PublicKey, secret: Uint8Array): void {
    this.#secrets.set(toHex(key), secret);
  }

  /** 64 bytes: a hash that needs the secret, and the key's own 32. */
  sign(key: PublicKey, preimage: Uint8Array): Uint8Array {
    const secret = this.#secretOf(key);
    if (!secret) throw new RangeError('the simulation has no secret for this key');
    const signature = new Uint8Array(64);
    signature.set(this.#hash(concatBytes(secret, preimage)));
    signature.set(key, 32);
    return signature;
  }

  verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
    const secret = this.#secretOf(key);
    if (!secret) return this.#real.verify(signature, message, key);
    if (signature.length !== 64 || !equalBytes(signature.subarray(32), key)) return false;
    return equalBytes(signature.subarray(0, 32), this.#hash(concatBytes(secret, message)));
  }

  verifyStrict(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
    return this.#secretOf(key)
      ? this.verify(signature, message, key)
      : this.#real.verifyStrict(signature, message, key);
  }

  /** Those of simulated keys one by one: they are of no curve, and no equation judges them. */
  findInvalid(checks: readonly SignedBytes[]): number | undefined {
    const real: number[] = [];
    const simulated = checks.findIndex(({ signature, preimage, key }, index) => {
      if (this.#secretOf(key)) return !this.verify(signature, preimage, key);
      real.push(index);
      return false;
    });
    const before = findInvalidSignature(
      this.#real,
      real.map(index => checks[index]!),
    );
    if (before !== undefined) return real[before];
    return simulated < 0 ? undefined : simulated;
  }

  /** 80 bytes: like a signature, ending in 16 zero bytes. */
  vrfProve(key: PublicKey, alpha: Uint8Array): Uint8Array {
    return concatBytes(this.sign(key, alpha), proofEnd);
  }

  /** VRF of the same kind: what the key alone can make, and makes one of for an alpha. */
  get vrf(): Pick<Beacon, 'vrfVerify' | 'vrfOutput'> {
    const isSimulated = (proof: Uint8Array): boolean => proof.length === 80 && equalBytes(proof.subarray(64), proofEnd);
    const outputOf = (proof: Uint8Array): Uint8Array => {
      const known = this.#outputs.get(proof);
      if (known) return known;
      const seed = proof.slice(0, 32);
      const output = concatBytes(this.#hash(seed), this.#hash(concatBytes(seed, proofEnd)));
      this.#outputs.set(proof, output);
      return output;
    };
    return {
      vrfVerify: (key, alpha, proof) => {
        if (!this.#secretOf(key)) return vrfVerify(key, alpha, proof);
        return isSimulated(proof) && this.verify(proof.subarray(0, 64), alpha, key) ? outputOf(proof) : null;
      },
      vrfOutput: proof => (isSimulated(proof) ? outputOf(proof) : vrfOutput(proof)),
    };
  }

  #secretOf(key: Uint8Array): Uint8Array | undefined {
    const known = this.#known.get(key);
    if (known) return known;
    const secret = this.#secrets.get(toHex(key));
    if (secret) this.#known.set(key, secret);
    return secret;
  }
}
