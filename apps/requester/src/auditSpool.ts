/**
 * Audit messages on disk until the audit repository has them: a folder with one file a message, written whole and
 * synced, named by time and so delivered in order. Several commands may add to it at once; a file goes only after the
 * batch that carried it was delivered. Trust line: lost, the repository misses those imports; nothing else relies on it.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { saveRecord } from '@radpass/client/node';
import type { AuditQueue, SyslogMessage } from '@radpass/xds';
import { RequesterError } from './errors.js';

/** More waiting messages than this are refused, so that a repository that is gone for good doesn't fill the disk. */
export const maxWaiting = 10_000;
const fileName = /^\d{15}-\d{4}-[0-9a-f]{8}\.json$/;

export interface AuditSpool extends AuditQueue {
  /** Durable when it resolves. @throws RequesterError REQUESTER_AUDIT_FULL */
  add(message: SyslogMessage): Promise<void>;
}

export function openAuditSpool(folder: string, max = maxWaiting): AuditSpool {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let added = 0;
  let underWay: string[] = [];

  const waiting = async (): Promise<string[]> => (await readdir(folder)).filter(name => fileName.test(name)).sort();

  return {
    async add(message) {
      if ((await waiting()).length >= max) {
        const text = `${max} audit records wait already; the audit repository takes none`;
        throw new RequesterError({ code: 'REQUESTER_AUDIT_FULL', waiting: max }, text);
      }
      const place = String(added++ % 10_000).padStart(4, '0');
      const name = `${String(message.time).padStart(15, '0')}-${place}-${randomBytes(4).toString('hex')}.json`;
      await saveRecord(join(folder, name), new TextEncoder().encode(JSON.stringify(message)));
    },
    async next(count) {
      underWay = (await waiting()).slice(0, count);
      const upTo = underWay.at(-1);
      if (upTo === undefined) return null;
      const texts = await Promise.all(underWay.map(name => readFile(join(folder, name), 'utf8')));
      return { upTo, messages: texts.map(text => JSON.parse(text) as SyslogMessage) };
    },
    async delivered() {
      for (const name of underWay) await rm(join(folder, name), { force: true });
    },
  };
}
