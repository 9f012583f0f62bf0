/**
 * The accounting of disclosures for one patient key, with the elements of 45 CFR 164.528(b)(2): date, who received it,
 * what, and the authorization that it rests on (the consent receipt's hash, which the patient's grant binds on the
 * ledger). Refusals are no disclosures and are not in it. A transfer that broke off is: bytes may have arrived.
 */
import { checkProofBundle } from '@radpass/client';
import { fromHex, type PublicKey, parsePublicKey, toHex } from '@radpass/core';
import type { DisclosureRecord, DisclosureStore } from '@radpass/xds';

/** More than this for one patient key is no account of one person; the report says that it is cut. */
const maxRows = 10_000;

export interface AccountingRow {
  /** Number of the disclosure record. */
  record: number;
  /** ISO 8601, UTC. */
  date: string;
  recipientKey: string;
  studyHash: string;
  study: string;
  purpose: string;
  /** Hash of the patient's consent receipt; '' when the grant binds none. */
  consentReceipt: string;
  grantSeq: number;
  outcome: string;
  bytesSent: number;
}

export interface Accounting {
  patientKey: string;
  sourceKey: string;
  rows: AccountingRow[];
  truncated: boolean;
}

const purpose = 'authorization of the individual (45 CFR 164.508)';

export async function accountFor(p: {
  disclosures: DisclosureStore;
  sourceKey: PublicKey;
  /** 64 hex. */
  patientKey: string;
  /** Unix ms, both included. */
  from: number;
  to: number;
  /** What staff call the study by. */
  describe: (studyHash: string) => Promise<string>;
}): Promise<Accounting> {
  const rows = new Map<number, AccountingRow>();
  let truncated = false;
  for await (const { seq, body } of p.disclosures.all()) {
    if (body.kind === 'closed') {
      const row = rows.get(body.of);
      if (row) Object.assign(row, { outcome: body.outcome, bytesSent: body.bytesSent });
    } else if (body.kind === 'served' && body.owner === p.patientKey && body.time >= p.from && body.time <= p.to) {
      truncated ||= rows.size >= maxRows;
      if (!truncated) rows.set(seq, await rowOf(seq, body, p));
    }
  }
  return { patientKey: p.patientKey, sourceKey: toHex(p.sourceKey), rows: [...rows.values()], truncated };
}

async function rowOf(
  record: number,
  body: DisclosureRecord,
  p: { sourceKey: PublicKey; describe: (studyHash: string) => Promise<string> },
): Promise<AccountingRow> {
  return {
    record,
    date: new Date(body.time).toISOString(),
    recipientKey: body.requester,
    studyHash: body.studyHash,
    study: await p.describe(body.studyHash),
    purpose,
    consentReceipt: receiptOf(body, p.sourceKey),
    grantSeq: body.grantSeq,
    // The process may have ended in the middle: then it counts as sent in full.
    outcome: 'open, counts as complete',
    bytesSent: 0,
  };
}

function receiptOf(body: DisclosureRecord, sourceKey: PublicKey): string {
  try {
    const { receiptHash } = checkProofBundle(fromHex(body.proof), {
      sourceKey,
      studyHash: fromHex(body.studyHash, 32),
      patientKey: parsePublicKey(body.owner),
      requesterKey: parsePublicKey(body.requester),
      seq: body.grantSeq,
    });
    return toHex(receiptHash);
  } catch {
    // `audit verify` is what judges the evidence; an account without it still says who received what.
    return '';
  }
}

const columns = [
  'record',
  'date',
  'recipientKey',
  'studyHash',
  'study',
  'purpose',
  'consentReceipt',
  'grantSeq',
  'outcome',
  'bytesSent',
] as const;

/** RFC 4180. A cell that a spreadsheet could take for a formula gets an apostrophe. */
export function accountingCsv({ rows }: Accounting): string {
  const cell = (value: string | number): string => {
    const text = String(value).replace(/^[=+\-@\t\r]/, "'$&");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.join(','), ...rows.map(row => columns.map(name => cell(row[name])).join(','))].join('\r\n');
}

export function accountingText({ patientKey, sourceKey, rows, truncated }: Accounting): string {
  const lines = rows.map(row =>
    [
      `${row.date}  record ${row.record}`,
      `  to       ${row.recipientKey}`,
      `  what     ${row.study}`,
      `  purpose  ${row.purpose}`,
      `  basis    ${row.consentReceipt === '' ? 'no consent receipt bound' : `consent receipt ${row.consentReceipt}`}, grant ${row.grantSeq}`,
      `  how      ${row.outcome}, ${row.bytesSent} bytes`,
    ].join('\n'),
  );
  const title = `Accounting of disclosures (45 CFR 164.528)\npatient  ${patientKey}\nsource   ${sourceKey}`;
  const end = truncated ? `cut after ${maxRows} disclosures: ask for a shorter time` : `${rows.length} disclosures`;
  return [title, ...lines, end].join('\n\n');
}
