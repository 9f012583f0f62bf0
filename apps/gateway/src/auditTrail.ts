/**
 * The gateway's audit messages (ATNA, Export) come from its disclosure records, so they are as durable and as bounded as
 * those, and a crash between serving and telling loses none. One record, one message:
 *
 *   served    Export, success, before the first byte left
 *   refused   Export, minor failure, with the reason; not for messages whose signature was wrong: nobody asked for anything
 *   closed    nothing when the transfer was complete; else Export, serious failure, with how it ended
 *
 * `audit.cursor` in the data folder holds the number of the last record that the collector has heard of. Lost or set
 * back: the collector hears the records since then once more. A requester's address is in no disclosure record: it is
 * told when the message leaves while the gateway still remembers it, and left out after a restart.
 */

import { loadRecord, saveRecord, splitAddress } from '@radpass/client/node';
import { codeOf } from '@radpass/core';
import {
  type AuditEvent,
  type AuditQueue,
  type AuditTrail,
  createAuditMessage,
  type DisclosureEntry,
  type DisclosureRecord,
  type DisclosureStore,
  type RetrievalEvent,
  type SyslogMessage,
  startAuditTrail,
} from '@radpass/xds';
import { type SyslogTarget, sendSyslog } from '@radpass/xds/node';
import type { GatewayConfig } from './config.js';
import { readText } from './files.js';
import type { Log } from './runtime.js';

const maxAddresses = 4_096;

export interface GatewayAudit {
  /** Hear of what the service did. */
  onRetrieval(event: RetrievalEvent): void;
  stop(): Promise<void>;
}

export async function startGatewayAudit(p: {
  audit: NonNullable<GatewayConfig['audit']>;
  url: string;
  repositoryUniqueId: string;
  disclosures: DisclosureStore;
  cursorFile: string;
  log: Log;
}): Promise<GatewayAudit> {
  const { url, repositoryUniqueId, disclosures, cursorFile, log } = p;
  const target = syslogTarget(p.audit);
  const addresses = new Map<number, string>();
  const own = { url, repositoryUniqueId, host: new URL(url).hostname, addressOf: (seq: number) => addresses.get(seq) };
  const cursor = Number(new TextDecoder().decode((await loadRecord(cursorFile)) ?? new Uint8Array()).trim());
  const queue = disclosureQueue({
    disclosures,
    after: Number.isSafeInteger(cursor) ? cursor : 0,
    toEvent: entry => toEvent(entry, disclosures, own),
    save: async seq => {
      await saveRecord(cursorFile, new TextEncoder().encode(`${seq}\n`));
      for (const told of addresses.keys()) if (told <= seq) addresses.delete(told);
    },
  });
  const trail: AuditTrail = startAuditTrail({
    queue,
    deliver: (messages, signal) => sendSyslog(target, messages, { signal }),
    report: failure =>
      failure === null ? log('audit-delivered', {}) : log('audit-failed', { reason: codeOf(failure) }),
  });
  return {
    onRetrieval(event) {
      if ('remote' in event && event.seq !== null && event.remote !== undefined && addresses.size < maxAddresses) {
        addresses.set(event.seq, event.remote.replace(/^::ffff:/, ''));
      }
      trail.wake();
    },
    stop: () => trail.stop(),
  };
}

function syslogTarget({ syslog, ca, cert, key }: NonNullable<GatewayConfig['audit']>): SyslogTarget {
  const { host, port } = splitAddress(syslog);
  return { host: host.replace(/^\[|\]$/g, ''), port, ca: readText(ca), cert: readText(cert), key: readText(key) };
}

/** The records as a queue; `toEvent` is null for one that is told to nobody. */
export function disclosureQueue(p: {
  disclosures: DisclosureStore;
  after: number;
  toEvent(entry: DisclosureEntry): Promise<AuditEvent | null>;
  save(seq: number): Promise<void>;
}): AuditQueue {
  let { after } = p;
  return {
    async next(max) {
      const messages: SyslogMessage[] = [];
      let upTo = after;
      for await (const entry of p.disclosures.all(after)) {
        upTo = entry.seq;
        const event = await p.toEvent(entry);
        if (event !== null) messages.push({ ...event, text: createAuditMessage(event) });
        if (messages.length === max) break;
      }
      return upTo === after ? null : { upTo: String(upTo), messages };
    },
    async delivered(upTo) {
      await p.save(Number(upTo));
      after = Number(upTo);
    },
  };
}

interface Own {
  url: string;
  repositoryUniqueId: string;
  host: string;
  addressOf(seq: number): string | undefined;
}

async function toEvent(entry: DisclosureEntry, disclosures: DisclosureStore, own: Own): Promise<AuditEvent | null> {
  const { seq, body } = entry;
  if (body.kind === 'closed') {
    if (body.outcome === 'complete') return null;
    const served = await recordAt(disclosures, body.of);
    const reason = [body.outcome, body.reason, `after ${body.bytesSent} bytes`].filter(Boolean).join(' ');
    const event = served && ofRecord(served, { outcome: 'serious', reason, ...ofGateway(own, body.of) });
    return event && { ...event, time: body.time };
  }
  if (body.requester === '') return null;
  const outcome = body.kind === 'served' ? 'success' : 'minor';
  return ofRecord(body, { outcome, reason: body.reason, ...ofGateway(own, seq) });
}

function ofRecord(
  record: DisclosureRecord,
  rest: Pick<AuditEvent, 'outcome' | 'reason'> & ReturnType<typeof ofGateway>,
): AuditEvent {
  const { time, requester: requesterKey, owner: patientKey, studyHash: documentUniqueId } = record;
  return { kind: 'export', time, requesterKey, patientKey, documentUniqueId, ...rest };
}

function ofGateway(
  own: Own,
  of: number,
): Pick<AuditEvent, 'endpoint' | 'repositoryUniqueId' | 'host' | 'processId' | 'requesterAddress'> {
  const address = own.addressOf(of);
  return {
    endpoint: own.url,
    repositoryUniqueId: own.repositoryUniqueId,
    host: own.host,
    processId: process.pid,
    ...(address === undefined ? {} : { requesterAddress: address }),
  };
}

async function recordAt(disclosures: DisclosureStore, seq: number): Promise<DisclosureRecord | null> {
  for await (const { body } of disclosures.all(seq - 1)) return body.kind === 'closed' ? null : body;
  return null;
}
