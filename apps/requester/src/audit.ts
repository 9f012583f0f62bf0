/**
 * The requester's audit messages (ATNA, Import): one for each study that was asked for, whether it came or not. They are
 * on disk before the command goes on and are brought to the audit repository in the background; what it doesn't take
 * now goes out with a later command. Nothing here ever fails a retrieval.
 */
import { hostname } from 'node:os';
import type { InboxGrant } from '@radpass/client';
import { splitAddress } from '@radpass/client/node';
import { codeOf, toHex } from '@radpass/core';
import {
  type AuditEvent,
  createAuditMessage,
  type DocumentRequest,
  documentUniqueId,
  repositoryUniqueId,
  startAuditTrail,
} from '@radpass/xds';
import { sendSyslog } from '@radpass/xds/node';
import { openAuditSpool } from './auditSpool.js';

export interface AuditSettings {
  /** HOST:PORT */
  syslog: string;
  /** PEM texts. */
  ca: string;
  cert: string;
  key: string;
}

export interface RequesterAudit {
  /** A study was asked for; `failure` = the code of what came instead of it, null when it is delivered. Never rejects. */
  imported(grant: InboxGrant, failure: string | null): Promise<void>;
  /** The same of another repository's document. */
  importedFrom(document: ForeignDocument, failure: string | null): Promise<void>;
  /** Bring what waits to the repository, for at most `ms`. @returns whether nothing waits any more */
  flush(ms: number): Promise<boolean>;
  stop(): Promise<void>;
}

/** A document of a repository that knows no grants. */
export interface ForeignDocument extends DocumentRequest {
  url: string;
}

/** @param p.report - told what keeps messages from being kept or delivered, by its code */
export function openRequesterAudit(p: {
  settings: AuditSettings;
  spoolFolder: string;
  now: () => number;
  report: (code: string) => void;
}): RequesterAudit {
  const { syslog, ...tls } = p.settings;
  const { host, port } = splitAddress(syslog);
  const target = { host: host.replace(/^\[|\]$/g, ''), port, ...tls };
  const spool = openAuditSpool(p.spoolFolder);
  const trail = startAuditTrail({
    queue: spool,
    deliver: (messages, signal) => sendSyslog(target, messages, { signal }),
    report: failure => failure !== null && p.report(codeOf(failure)),
  });
  async function add(names: ImportNames, failure: string | null): Promise<void> {
    try {
      const event = importEvent(names, p.now(), failure);
      await spool.add({ ...event, text: createAuditMessage(event) });
      trail.wake();
    } catch (error) {
      p.report(codeOf(error));
    }
  }
  return {
    imported: (grant, failure) =>
      add(
        {
          endpoint: grant.source?.url ?? '',
          requesterKey: toHex(grant.requesterKey),
          patientKey: toHex(grant.patientKey),
          repositoryUniqueId: repositoryUniqueId(grant.sourceKey),
          documentUniqueId: documentUniqueId(grant.studyHash),
        },
        failure,
      ),
    importedFrom: ({ url: endpoint, ...names }, failure) =>
      add({ endpoint, requesterKey: '', patientKey: '', ...names }, failure),
    flush: ms => trail.flush(ms),
    stop: () => trail.stop(),
  };
}

const refusals = new Set(['XDS_REFUSED', 'XDS_FAULT', 'XDS_HTTP']);

type ImportNames = Pick<
  AuditEvent,
  'endpoint' | 'requesterKey' | 'patientKey' | 'repositoryUniqueId' | 'documentUniqueId'
>;

function importEvent(names: ImportNames, time: number, failure: string | null): AuditEvent {
  const reason = failure ?? '';
  return {
    kind: 'import',
    time,
    outcome: failure === null ? 'success' : refusals.has(reason) ? 'minor' : 'serious',
    reason,
    host: hostname(),
    processId: process.pid,
    ...names,
  };
}
