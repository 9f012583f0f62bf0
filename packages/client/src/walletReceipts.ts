/**
 * Who opened a study: the source's access receipts, fetched by an ownership proof of the patient's key, each checked
 * before it is believed, and kept with the study. What a source can't do without its showing: name another requester
 * later, take a retrieval back, or leave one out of the middle. What it can: say nothing of the newest.
 */
import {
  type Access,
  createOwnershipProof,
  encodeOwnershipProof,
  equalBytes,
  fromHex,
  nobleVerifier,
  type PublicKey,
  parseAccessReceipt,
  parsePublicKey,
  publicKeyHex,
  type SecretKey,
  toHex,
} from '@radpass/core';
import { ClientError } from './errors.js';
import type { GatewayApi } from './gatewayApi.js';
import type { WalletStudy } from './walletRecord.js';

export interface ListedAccess {
  number: number;
  time: number;
  requesterKey: string;
  /** The requester's label, if this wallet allowed that key; null for one that it never allowed. */
  label: string | null;
  outcome: string;
  bytesSent: number;
}

export interface ListedAccesses {
  study: number;
  accesses: ListedAccess[];
  /** Numbers that are missing: the source keeps them back. */
  missing: number[];
}

const maxRounds = 1_000;

/**
 * The receipts that the study should have now: known ones, and what the gateway has beyond them. One whose end wasn't
 * known is asked for again.
 * @param p.standingKey - the source's, as the ledger has it: signs what comes now
 * @throws ClientError CLIENT_RECEIPT {reason} for one that doesn't hold; whatever the gateway refuses
 */
export async function fetchReceipts(p: {
  gateway: GatewayApi;
  study: WalletStudy;
  chainId: Uint8Array;
  key: SecretKey;
  standingKey: PublicKey;
  now: () => number;
}): Promise<string[]> {
  const { gateway, study, chainId, key } = p;
  const studyHash = fromHex(study.studyHash);
  const ended = study.accessReceipts.map(text => ({ text, access: readReceipt(text, chainId) }));
  const firstOpen = ended.findIndex(({ access }) => access.outcome === 'open');
  const known = firstOpen < 0 ? ended : ended.slice(0, firstOpen);
  const receipts = known.map(({ text }) => text);
  let after = known.at(-1)?.access.number ?? 0;
  for (let round = 0; round < maxRounds; round++) {
    const proof = createOwnershipProof({
      chainId,
      key,
      verifierName: gateway.url,
      nonce: await gateway.challenge(),
      time: p.now(),
    });
    const answer = await gateway.accessReceipts({ studyHash, proof: encodeOwnershipProof(proof), after });
    for (const bytes of answer.receipts) {
      const access = readReceipt(toHex(bytes), chainId);
      checkReceipt(access, { study, standingKey: p.standingKey, after });
      after = access.number;
      receipts.push(toHex(bytes));
    }
    if (!answer.more || answer.receipts.length === 0) break;
  }
  return receipts;
}

function readReceipt(text: string, chainId: Uint8Array): Access & { signer: PublicKey } {
  try {
    return parseAccessReceipt(fromHex(text), { chainId, verifier: nobleVerifier });
  } catch (cause) {
    throw invalid('form', cause);
  }
}

/** @throws ClientError CLIENT_RECEIPT */
function checkReceipt(
  access: Access & { signer: PublicKey },
  expected: { study: WalletStudy; standingKey: PublicKey; after: number },
): void {
  const { study, standingKey, after } = expected;
  if (!equalBytes(access.signer, standingKey)) throw invalid('signer');
  if (!equalBytes(access.sourceKey, parsePublicKey(study.sourceKey))) throw invalid('source');
  if (toHex(access.studyHash) !== study.studyHash) throw invalid('study');
  if (toHex(access.patientKey) !== study.patientKey) throw invalid('owner');
  if (access.number <= after) throw invalid('number');
}

function invalid(reason: string, cause?: unknown): ClientError {
  return new ClientError({ code: 'CLIENT_RECEIPT', reason }, `a receipt of the hospital doesn't hold: ${reason}`, {
    cause,
  });
}

/** What kept receipts say, with the wallet's own names for who opened. */
export function listAccesses(number: number, study: WalletStudy, chainId: Uint8Array): ListedAccesses {
  const labels = new Map(study.grants.map(grant => [grant.requesterKey, grant.label]));
  const accesses = study.accessReceipts.map(text => {
    const access = readReceipt(text, chainId);
    const requesterKey = publicKeyHex(access.requesterKey);
    const { time, outcome, bytesSent } = access;
    return { number: access.number, time, requesterKey, label: labels.get(requesterKey) ?? null, outcome, bytesSent };
  });
  const present = new Set(accesses.map(access => access.number));
  const last = accesses.at(-1)?.number ?? 0;
  const missing = Array.from({ length: last }, (_, i) => i + 1).filter(n => !present.has(n));
  return { study: number, accesses, missing };
}
