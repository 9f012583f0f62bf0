/**
 * An ITI-43 repository on this machine, for consumers that exist and can't sign: a request names the two ids, the grant
 * that the inbox holds for them says whom to ask and with which key, and the source's answer goes through as a plain
 * ITI-43 answer. What passes was verified: the head of the source's answer before a byte goes on, and the last piece is
 * held back until all of the document hashed to what the source signed. If it doesn't, the connection is reset.
 *
 * One document streams through. Several are received one after another into temporary files first, since the answer's
 * head has to say what came of each.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '@radpass/core';
import {
  createFault,
  createUnsignedResponse,
  type DocumentRequest,
  type Exchange,
  type FaultKind,
  faultRelatesTo,
  parseUnsignedRequest,
  toFault,
  type UnsignedRequest,
  within,
} from '@radpass/xds';
import { type GrantedDocument, type GrantedDocumentInit, openGranted, type Refused } from './grantedDocument.js';

/** Caps of the local endpoint; `stallMs`: how long a consumer may take for one piece. */
export const localLimits = { maxDocuments: 16, maxExchanges: 16, stallMs: 60_000 } as const;

/** How a consumer's request ended, a document each; nothing in it says whose. */
export interface LocalOutcome {
  outcome: 'delivered' | 'refused' | 'broken';
  /** the grant's number in the inbox; absent when there is none */
  grant?: number;
  /** why not: a stable code */
  code?: string;
}

export interface LocalRepositoryInit extends GrantedDocumentInit {
  /** An empty folder for what waits to be sent: private, and lost without harm. */
  waiting: string;
  onOutcome: (outcome: LocalOutcome) => void;
}

type Named = { asked: DocumentRequest; document: GrantedDocument };

/** @see the module comment; `handle` never rejects */
export function createLocalRepository(init: LocalRepositoryInit): { handle(exchange: Exchange): Promise<void> } {
  let underWay = 0;

  async function answer(exchange: Exchange): Promise<void> {
    let request: UnsignedRequest;
    try {
      request = parseUnsignedRequest(exchange.contentType, exchange.body);
    } catch (error) {
      init.onOutcome({ outcome: 'refused', code: codeOf(error) });
      return await sendFault(exchange, toFault(error));
    }
    const asked = distinct(request.documents);
    if (asked.length > localLimits.maxDocuments) {
      return await sendFault(exchange, { kind: 'sender', text: `At most ${localLimits.maxDocuments} documents.` });
    }
    const folder = asked.length > 1 ? await mkdtemp(join(init.waiting, 'request-')) : null;
    try {
      await deliver(exchange, request, await openAll(asked, folder));
    } finally {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    }
  }

  async function openAll(
    asked: DocumentRequest[],
    folder: string | null,
  ): Promise<{ named: Named[]; refused: Refused[] }> {
    const named: Named[] = [];
    const refused: Refused[] = [];
    for (const one of asked) {
      const opened = await openGranted(one, init, folder);
      if ('error' in opened) refused.push(opened);
      else named.push({ asked: one, document: opened });
    }
    return { named, refused };
  }

  async function deliver(
    exchange: Exchange,
    { addressing }: UnsignedRequest,
    { named, refused }: { named: Named[]; refused: Refused[] },
  ): Promise<void> {
    for (const { error: _, ...why } of refused) init.onOutcome({ outcome: 'refused', ...why });
    const message = createUnsignedResponse({
      ...(addressing === undefined ? {} : { addressing }),
      documents: named.map(({ asked: { repositoryUniqueId, documentUniqueId }, document }) => ({
        repositoryUniqueId,
        documentUniqueId,
        mimeType: document.mimeType,
        content: () => heldBack(document.content),
      })),
      errors: refused.map(({ error }) => error),
    });
    try {
      const writer = exchange.respond(200, { 'content-type': message.contentType, 'cache-control': 'no-store' });
      for await (const piece of message.stream()) {
        await within(localLimits.stallMs, 'sending a piece', writer.write(piece));
      }
      await within(localLimits.stallMs, 'ending the answer', writer.end());
      for (const { document } of named) init.onOutcome({ outcome: 'delivered', grant: document.grant });
    } catch (error) {
      exchange.abort();
      for (const { document } of named) {
        document.close();
        init.onOutcome({ outcome: 'broken', grant: document.grant, code: codeOf(error) });
      }
    }
  }

  return {
    async handle(exchange) {
      try {
        if (underWay >= localLimits.maxExchanges) {
          return await sendFault(exchange, { kind: 'receiver', text: 'The service is busy. Try later.' });
        }
        underWay += 1;
        await answer(exchange).finally(() => {
          underWay -= 1;
        });
      } catch (error) {
        init.onOutcome({ outcome: 'broken', code: codeOf(error) });
        exchange.abort();
      }
    },
  };
}

/** One piece late: the last one leaves when the source of the pieces has ended well. */
async function* heldBack(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let held: Uint8Array | undefined;
  for await (const piece of content) {
    if (held !== undefined) yield held;
    held = piece;
  }
  if (held !== undefined) yield held;
}

async function sendFault(exchange: Exchange, fault: { kind: FaultKind; text: string }): Promise<void> {
  const relatesTo = faultRelatesTo(exchange.contentType, exchange.body);
  const { status, contentType, body } = createFault({ ...fault, ...(relatesTo === undefined ? {} : { relatesTo }) });
  const writer = exchange.respond(status, { 'content-type': contentType, 'content-length': String(body.length) });
  await writer.write(body);
  await writer.end();
}

/** Each document once, however often it was asked for. */
function distinct(documents: DocumentRequest[]): DocumentRequest[] {
  const named = new Map(documents.map(d => [JSON.stringify([d.repositoryUniqueId, d.documentUniqueId]), d]));
  return [...named.values()];
}

function codeOf(error: unknown): string {
  return error instanceof CodedError ? error.code : 'REQUESTER_INTERNAL';
}
