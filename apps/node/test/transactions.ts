/** Tuples as a source, a patient and their programs make them; everything that matters is drawn anew. */
import { randomBytes } from 'node:crypto';
import {
  createAllowAccess,
  createClaim,
  createDefineStudy,
  createRevokeAccess,
  type PublicKey,
  SecretKey,
  type Transaction,
} from '@radpass/core';

export interface Published {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  patient: SecretKey;
  transaction: Transaction;
}

/** The present as seq and time hold it: whole minutes. */
export const minute = (): number => Math.floor(Date.now() / 60_000) * 60_000;

export function newStudy(p: {
  chainId: Uint8Array;
  source: SecretKey;
  patient?: SecretKey;
  studyHash?: Uint8Array;
  time?: number;
}): Published {
  const { chainId, source } = p;
  const patient = p.patient ?? SecretKey.generate();
  const studyHash = p.studyHash ?? new Uint8Array(randomBytes(32));
  const sourceKey = source.publicKey;
  const claim = createClaim({ chainId, key: patient, sourceKey, studyHash });
  const transaction = createDefineStudy({ chainId, key: source, time: p.time ?? minute(), claim });
  return { sourceKey, studyHash, patient, transaction };
}

export function grant(p: {
  chainId: Uint8Array;
  study: Published;
  requesterKey: PublicKey;
  seq?: number;
}): Transaction {
  const { chainId, requesterKey } = p;
  const { sourceKey, studyHash, patient } = p.study;
  return createAllowAccess({
    ...{ chainId, key: patient, seq: p.seq ?? minute(), requesterKey, sourceKey, studyHash },
    ...{ notAfter: 0, receiptHash: new Uint8Array(0) },
  });
}

export function revoke(p: {
  chainId: Uint8Array;
  study: Published;
  requesterKey: PublicKey | null;
  seq: number;
}): Transaction {
  const { sourceKey, studyHash, patient } = p.study;
  return createRevokeAccess({
    ...{ chainId: p.chainId, key: patient, seq: p.seq, requesterKey: p.requesterKey, sourceKey, studyHash },
  });
}
