/** A small world for the service's tests: one source, one study, a patient who granted, and clocks that can be moved. */
import type { AccessEvent, AccessFacts, AccessView, PublicKey, RandomBytes, SecretKey as Secret } from '@radpass/core';
import { concatBytes, equalBytes, nobleVerifier, publicKeyHex, SecretKey, sha256, toHex, utf8 } from '@radpass/core';
import { memoryDisclosureLog, openDisclosureStore } from '../dist/disclosureStore.js';
import type { DocumentProvider, Exchange, StudyDocument } from '../dist/exchange.js';
import type { RetrievalEvent } from '../dist/recorder.js';
import { memoryReplayStore } from '../dist/replayGuard.js';
import type { DocumentRequest } from '../dist/retrieveDocumentSet.js';
import { createRetrieveRequest, type SignedMessage } from '../dist/retrieveRequest.js';
import { createRetrieveService, type RetrieveServiceInit } from '../dist/server.js';

export const named = (name: string): Secret => SecretKey.fromSeed(sha256(utf8(name)));
export const source = named('source');
export const patient = named('patient');
export const requester = named('requester');
export const stranger = named('stranger');
export const chainId = sha256(utf8('chain'));
export const url = 'https://gateway.example/xds';
export const studyHash = sha256(utf8('study'));
export const otherStudyHash = sha256(utf8('other study'));
export const grantSeq = 1_700_000_000_000;
export const document: DocumentRequest = {
  repositoryUniqueId: publicKeyHex(source.publicKey),
  documentUniqueId: toHex(studyHash),
};

export const zipOf = (bytes: Uint8Array, chunkBytes = 65_536): StudyDocument => ({
  size: bytes.length,
  sha256: sha256(bytes),
  mimeType: 'application/zip',
  async *stream() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  },
});

/** An exchange that keeps what was sent. */
export function memoryExchange(message: { contentType: string; body: Uint8Array }, remote?: string) {
  const chunks: Uint8Array[] = [];
  const seen = { status: 0, headers: {} as Record<string, string>, ended: false, aborted: false };
  const exchange: Exchange = {
    contentType: message.contentType,
    body: message.body,
    ...(remote === undefined ? {} : { remote }),
    respond(status, headers) {
      Object.assign(seen, { status, headers });
      return {
        async write(chunk) {
          if (seen.aborted) throw new Error('aborted');
          chunks.push(chunk);
        },
        async end() {
          if (seen.aborted) throw new Error('aborted');
          seen.ended = true;
        },
        bytesSent: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      };
    },
    abort() {
      seen.aborted = true;
    },
  };
  return { exchange, seen, body: () => concatBytes(...chunks), text: () => Buffer.concat(chunks).toString('latin1') };
}

export async function createWorld(change: Partial<RetrieveServiceInit> = {}) {
  const shift = { wallMs: 0, monoMs: 0 };
  const clock = { now: () => Date.now() + shift.wallMs, monotonic: () => performance.now() + shift.monoMs };
  const state = {
    url,
    standingKey: source.publicKey as PublicKey,
    withdrawn: false,
    published: true,
    granted: [requester.publicKey] as PublicKey[],
    grantedStudies: [studyHash],
    notAfter: 0,
    revokedSeq: 0,
    locallyRevokedSeq: 0,
    checkpointAgeMs: 3_000,
    answers: true,
    delayMs: 0,
    asked: 0,
  };
  const facts = (hash: Uint8Array, requesterKey: PublicKey): AccessFacts => {
    const known = state.published && (equalBytes(hash, studyHash) || equalBytes(hash, otherStudyHash));
    const ofStudy = state.grantedStudies.some(granted => equalBytes(granted, hash));
    const granted = ofStudy && state.granted.some(key => equalBytes(key, requesterKey));
    return {
      chainId,
      checkpoint: {
        slot: 100,
        blockId: sha256(utf8('block')),
        timeMs: Math.floor(clock.now()) - state.checkpointAgeMs,
      },
      source: { standingKey: state.standingKey, url: state.url, seq: 1 },
      study: known ? { owner: patient.publicKey, ownerSinceSlot: 3, generation: 0, withdrawn: state.withdrawn } : null,
      grant:
        known && granted
          ? { seq: grantSeq, notAfter: state.notAfter, receiptHash: new Uint8Array(), contentId: sha256(utf8('grant')) }
          : null,
      revokedSeq: state.revokedSeq,
      proof: utf8('proof'),
    };
  };
  const view: AccessView = {
    async facts(_source, hash, requesterKey) {
      state.asked += 1;
      if (state.delayMs > 0) await new Promise(resolve => setTimeout(resolve, state.delayMs));
      if (!state.answers) throw new Error('the node is gone');
      return facts(hash, requesterKey);
    },
    watch: () => () => undefined,
  };
  const studies = new Map<string, StudyDocument>([[toHex(studyHash), zipOf(utf8('a zip of images '.repeat(1_000)))]]);
  const documents: DocumentProvider = { open: async hash => studies.get(toHex(hash)) ?? null };
  const log = memoryDisclosureLog();
  const disclosures = await openDisclosureStore({ log, key: source, chainId, verifier: nobleVerifier });
  const events: RetrievalEvent[] = [];
  const service = createRetrieveService({
    key: source,
    sourceKey: source.publicKey,
    url,
    chainId,
    view,
    verifier: nobleVerifier,
    documents,
    replay: memoryReplayStore(),
    disclosures,
    clock,
    revokedSeq: () => state.locallyRevokedSeq,
    onRetrieval: event => events.push(event),
    ...change,
  });
  let cursor = 0;
  const event = (kind: 'heartbeat' | 'change'): AccessEvent => {
    cursor += 1;
    return { cursor, kind };
  };
  service.onEvent(event('heartbeat'));

  return {
    shift,
    clock,
    state,
    studies,
    log,
    disclosures,
    events,
    service,
    heartbeat: () => service.onEvent(event('heartbeat')),
    changed: () => service.onEvent(event('change')),
    /** A revocation as the gateway hears it: into its own table first, then to the service. */
    revoke() {
      state.locallyRevokedSeq = grantSeq;
      cursor += 1;
      service.onEvent({ cursor, kind: 'revocation', transaction: new Uint8Array() });
    },
    request: (
      p: {
        key?: Secret;
        to?: string;
        documents?: DocumentRequest[];
        lifetimeMs?: number;
        at?: number;
        random?: RandomBytes;
      } = {},
    ) =>
      createRetrieveRequest({
        key: p.key ?? requester,
        to: p.to ?? url,
        documents: p.documents ?? [document],
        now: p.at ?? clock.now(),
        ...(p.lifetimeMs === undefined ? {} : { lifetimeMs: p.lifetimeMs }),
        ...(p.random === undefined ? {} : { random: p.random }),
      }),
    async ask(message: SignedMessage) {
      const answer = memoryExchange(message);
      await service.handle(answer.exchange);
      return answer;
    },
    async records() {
      const all = [];
      for await (const { body } of disclosures.all()) all.push(body);
      return all;
    },
    reasons: () => events.flatMap(e => (e.kind === 'refused' ? [e.record.reason] : [])),
  };
}
