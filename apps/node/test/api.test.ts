/** Four real nodes and their public API: every answer is read by the client's schemas, every refusal has its code. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NodeApi, NodeEvent } from '@radpass/client';
import { concatBytes, SecretKey, toHex } from '@radpass/core';
import { parseHeader, tables, verifyStateProof } from '@radpass/ledger/light';
import { roots, TestNetwork, type TestNode } from './network.js';
import { grant, minute, newStudy, type Published, revoke } from './transactions.js';

const finalMs = 15_000;
let network: TestNetwork;
let node: TestNode;
let api: NodeApi;
let source: SecretKey;
let chainId: Uint8Array;
let study: Published;
const requester = SecretKey.generate();

beforeAll(async () => {
  network = await TestNetwork.started();
  node = network.nodes[0]!;
  ({ api } = node);
  ({ chainId } = network);
  source = await node.sourceSecret();
}, 120_000);
afterAll(() => network.close());

/** One exchange without the client, so that anything can be sent and every header seen. */
async function ask(
  path: string,
  p: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<{ status: number; code: string; message: string; detail: Record<string, unknown>; body: string }> {
  const sent = request(`${node.url}${path}`, { method: p.method ?? 'GET', headers: p.headers ?? {} });
  sent.end(p.body);
  const [answer] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  let body = '';
  for await (const part of answer.setEncoding('utf8')) body += part;
  const { error } = JSON.parse(body) as { error?: { code: string; message: string; detail: Record<string, unknown> } };
  return { status: answer.statusCode ?? 0, code: '', message: '', detail: {}, ...error, body };
}

const post = (body: string | Uint8Array, type = 'application/octet-stream') =>
  ask('/v1/transactions', { method: 'POST', headers: { 'content-type': type }, body });

describe('four nodes', () => {
  it('reach finality and agree on the state at one final height', async () => {
    const all = await network.agreed(3);
    expect(new Set(roots(all)).size).toBe(1);
    expect(all.map(status => status.peers)).toEqual([3, 3, 3, 3]);
  }, 30_000);

  it('make a transaction final that one of them was given', async () => {
    study = newStudy({ chainId, source });
    expect(await api.submit(study.transaction)).toMatchObject({ known: false });
    expect(await api.submit(study.transaction)).toMatchObject({ known: true });
    const grades: string[] = [];
    const entry = await network.nodes[3]!.api.waitFor(study.transaction.id, 'final', {
      timeoutMs: finalMs,
      onGrade: ({ grade }) => grades.push(grade),
    });
    expect(toHex(entry.id)).toBe(toHex(study.transaction.id));
    expect(grades.at(-1)).toBe('final');
    const another = network.nodes[1]!.api;
    await another.waitFor(study.transaction.id, 'final', { timeoutMs: finalMs });
    const block = await another.block(entry.height!);
    expect(block.transactions.map(toHex)).toContain(toHex(study.transaction.id));
  }, 30_000);

  it('serve events with a cursor: a reader that comes back misses nothing', async () => {
    const first = await follow(0, events => events.filter(event => event.kind === 'head').length >= 2);
    expect(first[0]?.kind).toBe('reset');
    const last = first.at(-1)!.cursor;
    await network.agreed((await node.status()).finalHeight + 2);
    const second = await follow(last, events => events.filter(event => event.kind === 'final').length >= 2);
    const cursors = [...first, ...second].filter(({ kind }) => kind !== 'heartbeat').map(({ cursor }) => cursor);
    expect(cursors).toEqual(cursors.map((_, i) => cursors[0]! + i));
    expect(second.map(({ kind }) => kind)).not.toContain('reset');
  }, 30_000);
});

/** Read events from a cursor on until there are enough, then hang up. */
function follow(cursor: number, enough: (events: NodeEvent[]) => boolean): Promise<NodeEvent[]> {
  return new Promise((resolve, reject) => {
    const events: NodeEvent[] = [];
    const stop = api.events(
      cursor,
      event => {
        if (enough(events)) return;
        events.push(event);
        if (!enough(events)) return;
        stop();
        resolve(events);
      },
      error => reject(error ?? new Error('the stream ended')),
    );
  });
}

describe('answers', () => {
  it('about consent show grants, the floor and revocations, final or not', async () => {
    const seq = minute();
    const given = grant({ chainId, study, requesterKey: requester.publicKey, seq });
    await api.submit(given);
    await api.waitFor(given.id, 'final', { timeoutMs: finalMs });
    const byRequester = await api.grants({ requesterPrefix: toHex(requester.publicKey).slice(0, 6) });
    expect(byRequester.grants).toHaveLength(1);
    expect(byRequester.grants[0]).toMatchObject({ type: 3, seq, notAfter: 0, floorSeq: 0, revokedSeq: 0 });

    const { sourceKey, studyHash } = study;
    const patientKey = study.patient.publicKey;
    const bound = await api.seqBound({ sourceKey, studyHash, patientKey, requesterKey: requester.publicKey });
    const taken = revoke({ chainId, study, requesterKey: null, seq: bound });
    await api.submit(taken);
    const seen = await api.grants({ hashPrefix: toHex(studyHash).slice(0, 8) });
    expect(seen.revocations).toMatchObject([{ requesterKey: null, seq: bound }]);
    expect(seen.grants[0]?.revokedSeq).toBe(bound);
    await api.waitFor(taken.id, 'final', { timeoutMs: finalMs });
    const after = await api.grants({ hashPrefix: toHex(studyHash).slice(0, 8) });
    expect(after.grants[0]).toMatchObject({ type: 3, floorSeq: bound, revokedSeq: bound });
  }, 30_000);

  it('about studies and sources are those of the newest final block', async () => {
    const byHash = await api.studies({ hashPrefix: toHex(study.studyHash).slice(0, 8) });
    const byPatient = await api.studies({ patientPrefix: toHex(study.patient.publicKey).slice(0, 8) });
    expect(byHash.studies).toHaveLength(1);
    expect(byPatient.studies.map(({ studyHash }) => toHex(studyHash))).toEqual([toHex(study.studyHash)]);
    expect(byHash.studies[0]).toMatchObject({ generation: 0, withdrawn: false, pendingOwner: null });
    const { sources, checkpoint } = await api.sources();
    expect(sources).toHaveLength(4);
    expect(toHex((await api.block(checkpoint.blockId)).id)).toBe(toHex(checkpoint.blockId));
    expect(await api.source(source.publicKey)).toMatchObject({ studyCount: 1, seq: 0 });
    expect(await api.source(requester.publicKey)).toBeNull();
  });

  it('with a proof hold against the header of the final block they name', async () => {
    const leaf = concatBytes(study.sourceKey, study.studyHash);
    for (const key of [leaf, concatBytes(study.sourceKey, new Uint8Array(32))]) {
      const { checkpoint, value, proof } = await api.proof('studies', key);
      expect(value === null).toBe(key !== leaf);
      const { stateRoot } = parseHeader((await api.block(checkpoint.blockId)).header);
      expect(toHex(stateRoot)).toBe(toHex(checkpoint.stateRoot));
      const claim = { root: stateRoot, table: tables.studies, tableKey: key, proof };
      expect(verifyStateProof({ ...claim, value })).toBe(true);
      expect(verifyStateProof({ ...claim, value: value ? null : new Uint8Array(1) })).toBe(false);
    }
  });

  it('about producers count final blocks; about seq give the least that is taken', async () => {
    const { producers } = await api.producers();
    const { finalHeight } = await api.status();
    const counted = producers.reduce((sum, { blocks }) => sum + blocks, 0);
    expect(counted).toBeGreaterThan(0);
    expect(counted).toBeLessThanOrEqual(finalHeight);
    expect(await api.seqBound({ sourceKey: source.publicKey })).toBe(1);
  });

  it('describe themselves: the OpenAPI document names every path', async () => {
    const { body } = await ask('/openapi.json');
    const { paths } = JSON.parse(body) as { paths: Record<string, unknown> };
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/status', '/v1/transactions', '/v1/grants', '/v1/events']),
    );
    expect((await ask('/health')).body).toBe('{"ok":true}');
  });
});

describe('what the API lets a page of any origin do', () => {
  it('answers the preflight of a post, and says so without credentials', async () => {
    const answer = await fetch(`${node.url}/v1/transactions`, { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-allow-methods')).toContain('POST');
    expect(answer.headers.get('access-control-allow-headers')).toContain('content-type');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });
});

describe('what the API refuses', () => {
  it.each([
    ['no transaction', new Uint8Array(100).fill(0xc1), undefined, 400, 'CORE_DECODE'],
    ['an empty body', new Uint8Array(0), undefined, 400, 'CORE_DECODE'],
    ['a body beyond 4096 bytes', new Uint8Array(4097), undefined, 413, 'NODE_REQUEST'],
    ['broken JSON', '{"transaction":', 'application/json', 400, 'NODE_REQUEST'],
    ['JSON without a transaction', '{}', 'application/json', 400, 'NODE_REQUEST'],
    ['JSON with no hex', '{"transaction":"xyz"}', 'application/json', 400, 'CORE_HEX'],
    ['JSON beyond its cap', `{"transaction":"${'00'.repeat(9000)}"}`, 'application/json', 413, 'NODE_REQUEST'],
    ['another media type', 'transaction=00', 'application/x-www-form-urlencoded', 400, 'NODE_REQUEST'],
  ])('a transaction that is %s', async (_name, body, type, status, code) => {
    expect(await post(body, type)).toMatchObject({ status, code });
  });

  it.each([
    ['/v1/transactions/12', 400, 'CORE_HEX'],
    [`/v1/transactions/${'00'.repeat(32)}`, 404, 'NODE_NOT_FOUND'],
    ['/v1/blocks/999999', 404, 'NODE_NOT_FOUND'],
    [`/v1/blocks/${'00'.repeat(32)}`, 404, 'NODE_NOT_FOUND'],
    ['/v1/blocks/head', 400, 'CORE_HEX'],
    ['/v1/sources/00', 400, 'CORE_PUBLIC_KEY'],
    [`/v1/sources/${'ab'.repeat(40)}`, 400, 'CORE_PUBLIC_KEY'],
    ['/v1/studies', 400, 'NODE_REQUEST'],
    ['/v1/studies?hashPrefix=', 400, 'NODE_REQUEST'],
    ['/v1/studies?hashPrefix=XYZ', 400, 'NODE_REQUEST'],
    ['/v1/studies?hashPrefix=aa&hashPrefix=bb', 400, 'NODE_REQUEST'],
    [`/v1/grants?hashPrefix=${'a'.repeat(257)}`, 400, 'NODE_REQUEST'],
    ['/v1/proof?table=secrets&key=00', 400, 'NODE_REQUEST'],
    ['/v1/proof?table=studies', 400, 'NODE_REQUEST'],
    ['/v1/seq', 400, 'NODE_REQUEST'],
    ['/v1/events?cursor=-1', 400, 'NODE_REQUEST'],
    ['/v1/studies?hashPrefix=aa&proofs=yes', 400, 'NODE_REQUEST'],
    ['/v1/certificate', 400, 'NODE_REQUEST'],
    ['/v1/certificate?from=00', 400, 'CORE_HEX'],
    [`/v1/certificate?from=${'00'.repeat(32)}`, 404, 'NODE_NOT_FOUND'],
    [`/v1/committee/${'00'.repeat(32)}`, 404, 'NODE_NOT_FOUND'],
    ['/v1/nothing', 404, 'NODE_NOT_FOUND'],
    ['/admin/disconnect', 404, 'NODE_NOT_FOUND'],
    ['/v1/blocks/%c3%28', 400, 'NODE_REQUEST'],
  ])('GET %s', async (path, status, code) => {
    const answer = await ask(path);
    expect(answer).toMatchObject({ status, code });
    expect(answer.body).not.toMatch(/\bat .*\.js:\d/);
    expect(answer.message).not.toBe('');
  });

  it('a wrong signature, a time an hour ahead and one of last week, with the bound that would be taken', async () => {
    const signed = newStudy({ chainId, source }).transaction.bytes;
    const forged = Uint8Array.from(signed);
    forged[forged.length - 5] = forged[forged.length - 5]! ^ 1;
    expect(await post(forged)).toMatchObject({ status: 422, code: 'LEDGER_TX_SIGNATURE' });
    const hour = 3_600_000;
    const ahead = await post(newStudy({ chainId, source, time: minute() + hour }).transaction.bytes);
    expect(ahead).toMatchObject({ status: 409, code: 'LEDGER_TX_SEQ', detail: { problem: 'ahead' } });
    expect(Number(ahead.detail.bound)).toBeLessThan(minute() + hour);
    const old = await post(newStudy({ chainId, source, time: minute() - 7 * 24 * hour }).transaction.bytes);
    expect(old).toMatchObject({ status: 409, code: 'LEDGER_TX_SEQ', detail: { problem: 'old' } });
    const good = newStudy({ chainId, source, time: Number(ahead.detail.bound) });
    expect((await post(good.transaction.bytes)).status).toBe(202);
  });

  it('a second claim of an owned study, a grant by a stranger, and a grant whose study is unknown', async () => {
    const second = newStudy({ chainId, source, studyHash: study.studyHash });
    expect(await post(second.transaction.bytes)).toMatchObject({ status: 422, code: 'LEDGER_TX_STUDY_OWNED' });
    const stranger = { ...study, patient: SecretKey.generate() };
    const foreign = grant({ chainId, study: stranger, requesterKey: requester.publicKey });
    expect(await post(foreign.bytes)).toMatchObject({ status: 422, code: 'LEDGER_TX_STRANGER' });
    const other = Uint8Array.from({ length: 32 }, () => 7);
    const foreignNetwork = newStudy({ chainId: other, source });
    expect(await post(foreignNetwork.transaction.bytes)).toMatchObject({ status: 422, code: 'LEDGER_TX_SIGNATURE' });
  });

  it('a prefix that fits more than 64 studies', async () => {
    const studies = Array.from({ length: 65 }, () => {
      const studyHash = new Uint8Array(randomBytes(32));
      studyHash.set([0xfe, 0xed]);
      return newStudy({ chainId, source, studyHash });
    });
    for (const { transaction } of studies) await api.submit(transaction);
    for (const { transaction } of studies) await api.waitFor(transaction.id, 'final', { timeoutMs: finalMs });
    expect(await ask('/v1/studies?hashPrefix=feed')).toMatchObject({ status: 400, code: 'LEDGER_PREFIX_TOO_SHORT' });
    const longer = toHex(studies[0]!.studyHash).slice(0, 16);
    expect((await api.studies({ hashPrefix: longer })).studies).toHaveLength(1);
  }, 40_000);

  it('more than eight event streams from one address', async () => {
    const streams = Array.from({ length: 8 }, () => request(`${node.url}/v1/events`));
    try {
      await Promise.all(streams.map(stream => once(stream.end(), 'response')));
      expect(await ask('/v1/events')).toMatchObject({ status: 429, code: 'NODE_BUSY' });
    } finally {
      for (const stream of streams) stream.on('error', () => stream.destroy()).destroy();
    }
  });
});
