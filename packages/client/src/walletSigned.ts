/** What a wallet signs for a study: its claim or takeover (block B), and a grant with its receipt (block C). */
import {
  createAllowAccess,
  createClaim,
  createReclaim,
  encodeClaim,
  encodeReclaim,
  type PublicKey,
  parsePublicKey,
  publicKeyHex,
  type SecretKey,
  type Transaction,
  toHex,
} from '@radpass/core';
import { createConsentReceipt } from './consentReceipt.js';
import type { WalletGrant, WalletStudy } from './walletRecord.js';

/** How the ledger names a study, and the key that speaks for it. */
export interface NamedStudy {
  readonly chainId: Uint8Array;
  readonly key: SecretKey;
  readonly patientKey: PublicKey;
  readonly sourceKey: PublicKey;
  readonly studyHash: Uint8Array;
}

/** The claim of a study, or its takeover from another key. */
export function signClaim(study: WalletStudy, named: NamedStudy): { claim: Uint8Array } | { reclaim: Uint8Array } {
  const { chainId, key, sourceKey, studyHash } = named;
  const common = { chainId, key, sourceKey, studyHash };
  if (!study.previous) return { claim: encodeClaim(createClaim(common)) };
  const previousPatientKey = parsePublicKey(study.previous.patientKey);
  return {
    reclaim: encodeReclaim(createReclaim({ ...common, previousPatientKey, generation: study.previous.generation })),
  };
}

/** A grant, and what the wallet keeps of it: not posted yet. */
export function signGrant(
  study: WalletStudy,
  named: NamedStudy,
  p: { requesterKey: PublicKey; label: string; notAfter: number; seq: number },
): { transaction: Transaction; grant: WalletGrant } {
  const { requesterKey, label, notAfter, seq } = p;
  const receipt = createConsentReceipt({
    information: `imaging study: ${study.card.modality} ${study.card.date} ${study.card.description}`.trim(),
    source: study.url,
    recipient: label,
    expires: notAfter === 0 ? 'until revoked' : new Date(notAfter).toISOString(),
  });
  const transaction = createAllowAccess({ ...named, requesterKey, notAfter, receiptHash: receipt.hash, seq });
  const grant: WalletGrant = {
    requesterKey: publicKeyHex(requesterKey),
    label,
    seq,
    notAfter,
    transactionId: toHex(transaction.id),
    unposted: toHex(transaction.bytes),
    revoked: false,
    receipt: toHex(receipt.receipt),
    receiptRandom: toHex(receipt.random),
  };
  return { transaction, grant };
}
