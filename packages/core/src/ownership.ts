/**
 * Prove that one holds a key, to one verifier, now.
 *
 *   [chainId, key, verifierName, nonce, time, signature]
 *
 * The signature has purpose "ownership" and covers the canonical array of the elements before it. The verifier's name and
 * nonce stop a proof from being used elsewhere or twice. Nobody signs a bare challenge: Ed25519 and the VRF derive nonces
 * alike, so that would give the secret away.
 */
import { equalBytes } from './bytes.js';
import { decodeCanonical, encodeAs } from './encoding.js';
import { CoreError } from './errors.js';
import { hashField, seqField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { ascii, bytesUpTo, publicKey, record, type Schema } from './schema.js';
import { sign, type Verifier, verify } from './signature.js';
import { noSignature, signedMessage } from './signedTuple.js';

export interface OwnershipProof {
  chainId: Uint8Array;
  key: PublicKey;
  /** Who asked, e.g. a gateway's URL; printable ASCII, at most 400 characters. */
  verifierName: string;
  /** What the verifier handed out for this proof; 16 to 64 bytes. */
  nonce: Uint8Array;
  /** Unix ms by the prover's clock. */
  time: number;
  signature: Uint8Array;
}

type Reason = 'form' | 'network' | 'verifier' | 'nonce' | 'time' | 'signature';

const maxProofBytes = 1024;
const defaultMaxAgeMs = 5 * 60_000;
const clockSkewMs = 60_000;

const proofSchema: Schema<OwnershipProof> = record<OwnershipProof>({
  chainId: hashField,
  key: publicKey(),
  verifierName: ascii(400),
  nonce: bytesUpTo(64, 16),
  time: seqField,
  signature: signatureField,
});

function refuse(reason: Reason, cause?: unknown): never {
  throw new CoreError({ code: 'CORE_OWNERSHIP', reason }, `not a proof of ownership here and now: ${reason}`, {
    cause,
  });
}

/** @throws CoreError CORE_DECODE, CORE_ENCODE when a field is out of bounds */
export function createOwnershipProof(p: {
  chainId: Uint8Array;
  key: SecretKey;
  verifierName: string;
  nonce: Uint8Array;
  time: number;
}): OwnershipProof {
  const { chainId, key, verifierName, nonce, time } = p;
  const unsigned = { chainId, key: key.publicKey, verifierName, nonce, time, signature: noSignature };
  const proof = decodeCanonical(encodeAs(proofSchema, unsigned), proofSchema, maxProofBytes);
  return { ...proof, signature: sign(key, 'ownership', chainId, signedMessage(proofSchema, proof)) };
}

export function encodeOwnershipProof(proof: OwnershipProof): Uint8Array {
  return encodeAs(proofSchema, proof);
}

/** Form only; see checkOwnershipProof. @throws CoreError CORE_OWNERSHIP with reason "form" */
export function parseOwnershipProof(bytes: Uint8Array): OwnershipProof {
  try {
    return decodeCanonical(bytes, proofSchema, maxProofBytes);
  } catch (error) {
    return refuse('form', error);
  }
}

/**
 * Check a proof against what the verifier asked for. That the nonce was not used before is the verifier's to know.
 * @param expected.now - Unix ms; the proof may be `maxAgeMs` (default 5 min) old and 1 min in the future
 * @throws CoreError CORE_OWNERSHIP
 */
export function checkOwnershipProof(
  proof: OwnershipProof,
  expected: { chainId: Uint8Array; verifierName: string; nonce: Uint8Array; now: number; maxAgeMs?: number },
  verifier: Verifier,
): void {
  const { chainId, verifierName, nonce, now, maxAgeMs = defaultMaxAgeMs } = expected;
  if (!equalBytes(proof.chainId, chainId)) refuse('network');
  if (proof.verifierName !== verifierName) refuse('verifier');
  if (!equalBytes(proof.nonce, nonce)) refuse('nonce');
  if (proof.time < now - maxAgeMs || proof.time > now + clockSkewMs) refuse('time');
  const message = signedMessage(proofSchema, proof);
  if (!verify(verifier, proof.signature, 'ownership', chainId, message, proof.key)) refuse('signature');
}
