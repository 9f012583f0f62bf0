/** How far a wallet's studies came: what the ledger says of them, and their sources where it says nothing yet. */
import { toHex } from '@radpass/core';
import { ClientError } from './errors.js';
import type { GatewayApi } from './gatewayApi.js';
import type { StudyEntry } from './nodeSchemas.js';
import type { ListedStudy } from './walletAnswers.js';
import type { WalletStudy } from './walletRecord.js';

/** Who says how far a study came: the ledger's entry, null for none, and the source's gateway. */
interface Told {
  readonly entry: StudyEntry | null;
  readonly gateway: GatewayApi;
}

/** "unknown" where the source can't be reached. */
export async function studyState(study: WalletStudy, { entry, gateway }: Told): Promise<ListedStudy['state']> {
  if (entry && toHex(entry.owner) === study.patientKey) return 'yours';
  if (entry && !study.previous) return 'lost';
  if (study.claimId === '') return 'unknown';
  try {
    return (await gateway.claimState(study.claimId)).state;
  } catch (error) {
    if (error instanceof ClientError) return 'unknown';
    throw error;
  }
}

export async function listedStudy(study: WalletStudy, number: number, told: Told): Promise<ListedStudy> {
  const { entry } = told;
  return {
    study: number,
    card: study.card,
    state: await studyState(study, told),
    takeoverPending: entry?.pendingOwner != null && toHex(entry.owner) === study.patientKey,
    grants: study.grants.map(({ label, requesterKey, notAfter, unposted, revoked }) => ({
      label,
      requesterKey,
      notAfter,
      posted: unposted === '',
      revoked,
    })),
  };
}

export function notYours(study: number, state: string): ClientError {
  return new ClientError(
    { code: 'CLIENT_STUDY_NOT_YOURS', study, state },
    `study ${study} is not yours on the ledger (${state})`,
  );
}
