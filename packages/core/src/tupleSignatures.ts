/**
 * Which signatures a transaction carries, and whether all verify.
 *
 * | type | inner | outer |
 * | --- | --- | --- |
 * | 1 defineSource | nodeSig: nodeKey over [sourceKey, seq] | the source's standing key |
 * | 2 defineStudy | patientSig: the claim's patientKey | the source's standing key |
 * | 3, 4, 6 allowAccess, revokeAccess, keepStudy | | patientKey |
 * | 5 reassignStudy | patientSig: the reclaim's patientKey | the source's standing key |
 * | 7 rotateSource | | newKey |
 * | 8 withdrawStudy | | the source's standing key |
 * | 9 accredit | | payerKey |
 */
import { nodeBinding } from './defineSource.js';
import { claimSchema } from './defineStudy.js';
import { type Purpose, signingPreimage } from './domain.js';
import { CoreError, type TupleSigner } from './errors.js';
import type { PublicKey } from './keys.js';
import { reclaimSchema } from './reassignStudy.js';
import type { Verifier } from './signature.js';
import { outerPurpose, signedMessage, signedPart, type Transaction } from './signedTuple.js';
import type { Tuple } from './transaction.js';

/** One signature that must verify: `signature` of `preimage` by `key`. */
export interface SignatureCheck {
  signer: TupleSigner;
  key: PublicKey;
  preimage: Uint8Array;
  signature: Uint8Array;
}

/** The name of the source that a tuple concerns as signer. */
function signingSource(tuple: Tuple): PublicKey {
  switch (tuple.type) {
    case 2:
      return tuple.claim.sourceKey;
    case 5:
      return tuple.reclaim.sourceKey;
    default:
      return tuple.sourceKey;
  }
}

function outerSigner(tuple: Tuple, standingKey: PublicKey | undefined): { signer: TupleSigner; key: PublicKey } {
  switch (tuple.type) {
    case 1:
    case 2:
    case 5:
    case 8:
      return { signer: 'source', key: standingKey ?? signingSource(tuple) };
    case 3:
    case 4:
    case 6:
      return { signer: 'patient', key: tuple.patientKey };
    case 7:
      return { signer: 'source', key: tuple.newKey };
    case 9:
      return { signer: 'payer', key: tuple.payerKey };
  }
}

interface InnerSignature {
  signer: TupleSigner;
  key: PublicKey;
  purpose: Purpose;
  message: Uint8Array;
  signature: Uint8Array;
}

function innerSignature(tuple: Tuple): InnerSignature | undefined {
  switch (tuple.type) {
    case 1: {
      const { nodeKey: key, nodeSig: signature } = tuple;
      return { signer: 'node', key, purpose: 'node', message: nodeBinding(tuple), signature };
    }
    case 2: {
      const { patientKey: key, patientSig: signature } = tuple.claim;
      const message = signedMessage(claimSchema, tuple.claim);
      return { signer: 'patient', key, purpose: 'claim', message, signature };
    }
    case 5: {
      const { patientKey: key, patientSig: signature } = tuple.reclaim;
      const message = signedMessage(reclaimSchema, tuple.reclaim);
      return { signer: 'patient', key, purpose: 'reclaim', message, signature };
    }
    default:
      return undefined;
  }
}

/**
 * All signatures of a transaction, inner first.
 * @param standingKey - the source's standing key, which signs types 1, 2, 5 and 8; left out: the source's first key, as
 *   for a source that never rotated or is not defined yet. Other types ignore it.
 */
export function signatureChecks(tx: Transaction, chainId: Uint8Array, standingKey?: PublicKey): SignatureCheck[] {
  const { tuple } = tx;
  const checks: SignatureCheck[] = [];
  const inner = innerSignature(tuple);
  if (inner !== undefined) {
    const { signer, key, signature } = inner;
    checks.push({ signer, key, preimage: signingPreimage(inner.purpose, chainId, inner.message), signature });
  }
  const preimage = signingPreimage(outerPurpose(tuple.type), chainId, signedPart(tx));
  checks.push({ ...outerSigner(tuple, standingKey), preimage, signature: tuple.signature });
  return checks;
}

/**
 * Check every signature of a transaction.
 * @param how - 'rule' (default) is what blocks are judged by; 'strict' is policy for loose transactions
 * @throws CoreError CORE_SIGNATURE naming the first signer whose signature does not verify
 */
export function checkSignatures(
  tx: Transaction,
  chainId: Uint8Array,
  standingKey: PublicKey | undefined,
  verifier: Verifier,
  how: 'rule' | 'strict' = 'rule',
): void {
  for (const { signer, key, preimage, signature } of signatureChecks(tx, chainId, standingKey)) {
    const verifies =
      how === 'rule' ? verifier.verify(signature, preimage, key) : verifier.verifyStrict(signature, preimage, key);
    if (verifies) continue;
    const { type } = tx.tuple;
    throw new CoreError(
      { code: 'CORE_SIGNATURE', type, signer },
      `the ${signer}'s signature of a tuple of type ${type} does not verify`,
    );
  }
}
