/** The whole gateway over https, with a node that says what the test wants: enrolment to retrieval, and what is refused. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayApi, NodeApi, Wallet } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import {
  createOwnershipProof,
  createRequesterCard,
  createRevokeAccess,
  encodeOwnershipProof,
  encodeRequesterCard,
  Keyring,
  nobleVerifier,
  parseOffer,
  parseReceipt,
  type RevokeAccess,
  SecretKey,
  toHex,
} from '@radpass/core';
import { writeKeyFile } from '@radpass/core/node';
import { readInstanceHeader, writePhantomStudy } from '@radpass/imaging';
import type { SignedMessage } from '@radpass/xds';
import { guardedFetch, retrieveStudy } from '@radpass/xds/node';
import { needs } from '../../../tools/needs.mjs';
import { makeCertificates } from '../../../tools/rsyslog.mjs';
import { checkGateway } from '../dist/commands/check.js';
import type { GatewayConfig } from '../dist/config.js';
import { type RunningGateway, startGateway } from '../dist/gateway.js';
import type { Log } from '../dist/runtime.js';
import { NodeServer } from './nodeServer.js';

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  json: { error?: { code: string } } & Record<string, never>;
}

needs('openssl', describe)('a gateway over https', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-surfaces-'));
  const file = (name: string): string => join(folder, name);
  const source = SecretKey.fromSeed(new Uint8Array(32).fill(1), 'source');
  const doctors = Array.from({ length: 8 }, (_, i) => SecretKey.fromSeed(new Uint8Array(32).fill(40 + i), 'requester'));
  const node = new NodeServer(source.publicKey);
  const logged: string[] = [];
  /** What strangers were told when they were refused. */
  const refusals: string[] = [];
  let config: GatewayConfig;
  let gateway: RunningGateway;
  let ca: string;
  let studyInstanceUID: string;
  let accessionNumber: string;
  let wallet: Wallet;
  let saved: Uint8Array | null = null;
  let sent: SignedMessage;

  async function ask(
    url: string,
    p: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array } = {},
  ): Promise<Answer> {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const sent = send(url, { method: p.method ?? 'GET', headers: p.headers ?? {}, ca, agent: false });
    sent.on('error', () => undefined);
    sent.end(p.body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const part of answer.setEncoding('utf8')) text += part;
    if (answer.statusCode !== 200 && url.startsWith(config.url)) refusals.push(text);
    const json = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: answer.statusCode ?? 0, headers: answer.headers, text, json };
  }
  const log: Log = (event, fields) => logged.push(JSON.stringify({ event, ...fields }));
  const at = (path: string): string => config.url + path;
  const post = (path: string, body: object): Promise<Answer> =>
    ask(at(path), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const postRaw = (path: string, type: string, body: string): Promise<Answer> =>
    ask(at(path), { method: 'POST', headers: { 'content-type': type }, body });
  const soap = 'application/soap+xml';
  /** The envelope of the last request with one text of it replaced. */
  const signed = (text: string, by: string): string => {
    const envelope = new TextDecoder().decode(sent.envelope);
    expect(envelope).toContain(text);
    return envelope.replace(text, by);
  };
  const mandatory = (name: string): string =>
    `<c:${name} xmlns:c="urn:${name}" soap:mustUnderstand="true">${name}</c:${name}></soap:Header>`;
  const token = (): string => readFileSync(file('data/desk.token'), 'utf8').trim();
  const desk = (path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(gateway.desk + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token()}`, 'content-type': 'application/json', ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 200 && !(await holds()); i++) await new Promise(resolve => setTimeout(resolve, 25));
  };
  const retrieve = (key: SecretKey, studyHash: Uint8Array, proxy?: string): Promise<{ bytes: number }> =>
    retrieveStudy({
      key,
      url: config.url,
      source: { key: source.publicKey, sourceKey: source.publicKey, tlsPins: [] },
      studyHash,
      outFile: file('received.zip'),
      verifier: nobleVerifier,
      now: () => Date.now(),
      connect: { ca, allowPrivate: true, ...(proxy ? { proxy } : {}) },
      onRequest: message => {
        sent = message;
      },
    });
  const studyHash = (): Uint8Array => {
    const defined = node.posted.find(({ tuple }) => tuple.type === 2)?.tuple;
    if (defined?.type !== 2) throw new Error('no study was defined');
    return defined.claim.studyHash;
  };

  beforeAll(async () => {
    const options = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('tls.key'), '-out', file('tls.crt')];
    execFileSync('openssl', ['req', ...options, ...names], { stdio: 'ignore' });
    ca = readFileSync(file('tls.crt'), 'utf8');
    ({ studyInstanceUID, accessionNumber } = await writePhantomStudy(file('images'), { slices: 2, size: 16 }));
    await writeKeyFile(file('source.key'), source, { insecurePlain: true });
    await node.listen();
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as { port: number };
    await new Promise(resolve => free.close(resolve));
    node.sourceUrl = `https://127.0.0.1:${port}/radpass`;
    config = {
      url: node.sourceUrl,
      listen: { address: `127.0.0.1:${port}` },
      tls: { cert: file('tls.crt'), key: file('tls.key') },
      key: file('source.key'),
      node: [{ url: node.url }],
      dataDir: file('data'),
      images: { kind: 'folder', path: file('images') },
      desk: { listen: '127.0.0.1:0' },
    };
    gateway = await startGateway(config, log);
    const fetch = nodeFetch({ ca });
    wallet = await Wallet.open({
      store: {
        load: async () => saved,
        save: async bytes => {
          saved = bytes;
        },
      },
      node: new NodeApi({ url: node.url, fetch }),
      gateway: url => new GatewayApi({ url, fetch }),
      now: () => Date.now(),
    });
  }, 30_000);

  afterAll(async () => {
    await gateway.stop();
    node.close();
    rmSync(folder, { recursive: true });
  });

  it('leads a patient from the offer to the study, and a failing node does not cost the offer', async () => {
    const { offer } = (await desk('/v1/offers', { accessionNumber })).json;
    node.failing = true;
    await expect(wallet.claim(String(offer))).rejects.toMatchObject({ code: 'CLIENT_REFUSED' });
    node.failing = false;
    const claimed = await wallet.claim(String(offer));
    const { claims } = (await desk('/v1/claims')).json as unknown as { claims: { id: string; words: string[] }[] };
    expect(claims[0]?.words).toEqual(claimed.words);
    expect((await desk(`/v1/claims/${claims[0]!.id}/confirm`, {})).status).toBe(200);
    await wallet.waitUntilYours(1, { timeoutMs: 10_000 });
  }, 20_000);

  it('serves whom the patient allowed, and no stranger', async () => {
    const keys = doctors.map(key => key.publicKey);
    const card = { chainId: node.chainId, label: 'Dr. D', keys, expires: Date.now() + 60_000, key: doctors[0]! };
    await wallet.allow(1, encodeRequesterCard(createRequesterCard(card)));
    expect((await retrieve(doctors[0]!, studyHash())).bytes).toBeGreaterThan(1000);
    await expect(retrieve(doctors[1]!, studyHash())).rejects.toMatchObject({ code: 'XDS_REFUSED' });
  });

  it('serves through a CONNECT proxy, which learns host and port alone', async () => {
    const asked: string[] = [];
    const passed: Buffer[] = [];
    const proxy = createHttp().on('connect', (request, socket: Socket) => {
      asked.push(request.url ?? '');
      const far = connect(Number(new URL(config.url).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        far.pipe(socket).pipe(far);
      });
      for (const side of [far, socket]) side.on('data', (data: Buffer) => passed.push(data));
      far.on('error', () => socket.destroy());
      socket.on('error', () => far.destroy());
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const { port } = proxy.address() as { port: number };
    const direct = await retrieve(doctors[0]!, studyHash());
    const proxied = await retrieve(doctors[0]!, studyHash(), `http://127.0.0.1:${port}`);
    proxy.closeAllConnections();
    proxy.close();
    expect(proxied).toMatchObject(direct);
    expect(asked).toEqual([new URL(config.url).host]);
    const text = Buffer.concat(passed).toString('latin1');
    expect(text.length).toBeGreaterThan(direct.bytes);
    for (const secret of [toHex(studyHash()), studyInstanceUID, 'DICM']) expect(text).not.toContain(secret);
  });

  it('serves no request twice, not even after it lost its store of replays', async () => {
    await retrieve(doctors[0]!, studyHash());
    const again = { method: 'POST', headers: { 'content-type': sent.contentType }, body: sent.body };
    expect((await ask(at(''), again)).status).toBe(400);
    await gateway.stop();
    rmSync(file('data/replays'), { recursive: true });
    gateway = await startGateway(config, log);
    await until(async () => (await retrieve(doctors[0]!, studyHash()).catch(() => null)) !== null);
    expect((await ask(at(''), again)).text).toContain('InvalidSecurity');
  }, 20_000);

  it('gives the card again to who proves to own the study, once for a nonce', async () => {
    const api = new GatewayApi({ url: config.url, fetch: nodeFetch({ ca }) });
    const owner = JSON.parse(new TextDecoder().decode(saved!)) as { backup: never };
    const proofBy = async (key: SecretKey): Promise<Uint8Array> => {
      const fields = { chainId: node.chainId, key, verifierName: config.url, time: Date.now() };
      return encodeOwnershipProof(createOwnershipProof({ ...fields, nonce: await api.challenge() }));
    };
    const proof = await proofBy(Keyring.fromBackup(owner.backup).studyKey(0));
    expect(await api.ownerCard(studyHash(), proof)).toMatchObject({ studyInstanceUID });
    const refused = { code: 'CLIENT_REFUSED', detail: { status: 403 } };
    await expect(api.ownerCard(studyHash(), proof)).rejects.toMatchObject(refused);
    await expect(api.ownerCard(studyHash(), await proofBy(doctors[0]!))).rejects.toMatchObject(refused);
    const elsewhere = createOwnershipProof({
      chainId: node.chainId,
      key: Keyring.fromBackup(owner.backup).studyKey(0),
      verifierName: 'https://elsewhere.example',
      time: Date.now(),
      nonce: await api.challenge(),
    });
    await expect(api.ownerCard(studyHash(), encodeOwnershipProof(elsewhere))).rejects.toMatchObject(refused);
  });

  it('tells the owner who opened the study, by signed receipts, and nobody else', async () => {
    const api = new GatewayApi({ url: config.url, fetch: nodeFetch({ ca }) });
    const { accesses, missing } = await wallet.receipts(1);
    expect(missing).toEqual([]);
    expect(accesses.length).toBeGreaterThanOrEqual(3);
    for (const [i, access] of accesses.entries()) {
      expect(access).toMatchObject({ number: i + 1, label: 'Dr. D', outcome: 'complete' });
      expect(access.requesterKey).toBe(toHex(doctors[0]!.publicKey));
      expect(access.bytesSent).toBeGreaterThan(1000);
      expect(Math.abs(access.time - Date.now())).toBeLessThan(60_000);
    }
    await retrieve(doctors[0]!, studyHash());
    expect((await wallet.receipts(1)).accesses).toHaveLength(accesses.length + 1);
    for (const key of [doctors[0]!, source]) {
      const fields = { chainId: node.chainId, key, verifierName: config.url, time: Date.now() };
      const proof = encodeOwnershipProof(createOwnershipProof({ ...fields, nonce: await api.challenge() }));
      await expect(api.accessReceipts({ studyHash: studyHash(), proof, after: 0 })).rejects.toMatchObject({
        detail: { status: 403 },
      });
    }
  });

  it("takes a revocation, signs a receipt for it, and serves no more; a stranger's changes nothing", async () => {
    const { tuple } = node.posted.find(transaction => transaction.tuple.type === 3)!;
    const { seq, patientKey } = tuple as RevokeAccess;
    const byStranger = createRevokeAccess({
      chainId: node.chainId,
      key: doctors[7]!,
      seq: seq + 60_000,
      requesterKey: null,
      sourceKey: source.publicKey,
      studyHash: studyHash(),
    });
    expect((await post('/v1/revocations', { transaction: toHex(byStranger.bytes) })).status).toBe(422);
    expect((await retrieve(doctors[0]!, studyHash())).bytes).toBeGreaterThan(1000);
    const { receipt } = await wallet.revoke(1, null);
    expect(
      parseReceipt('revocation-receipt', receipt!, { chainId: node.chainId, verifier: nobleVerifier }).key,
    ).toEqual(source.publicKey);
    await expect(retrieve(doctors[0]!, studyHash())).rejects.toMatchObject({ code: 'XDS_REFUSED' });
    const { disclosures } = (await desk(`/v1/disclosures?patient=${toHex(patientKey)}`)).json as unknown as {
      disclosures: { kind: string; reason: string }[];
    };
    const told = disclosures.map(({ kind, reason }) => `${kind} ${reason}`);
    expect(told.slice(0, 2)).toEqual(['served ', 'refused no-grant']);
    expect(told.slice(-2)).toEqual(['served ', 'refused revoked']);
    expect((await desk('/v1/disclosures')).text).toContain('"reason":"replay"');
    expect((await desk('/v1/disclosures/verify')).json).not.toHaveProperty('firstBad');
  });

  it('serves a doctor who is allowed again after everyone was revoked, by the new grant alone', async () => {
    const refused = sent;
    const keys = [doctors[0]!, doctors[6]!].map(key => key.publicKey);
    const card = { chainId: node.chainId, label: 'Dr. D', keys, expires: Date.now() + 60_000, key: doctors[0]! };
    await wallet.allow(1, encodeRequesterCard(createRequesterCard(card)));
    expect((await retrieve(doctors[6]!, studyHash())).bytes).toBeGreaterThan(1000);
    await expect(retrieve(doctors[0]!, studyHash())).rejects.toMatchObject({ code: 'XDS_REFUSED' });
    sent = refused;
  });

  it('describes its service, and answers pages of any origin without credentials', async () => {
    const wsdl = await ask(at('?wsdl'));
    expect(wsdl.headers['content-type']).toContain('text/xml');
    expect(wsdl.text).toContain(`location="${config.url}"`);
    for (const path of ['', '/v1/claims', '/v1/owner/card']) {
      const preflight = await ask(at(path), { method: 'OPTIONS', headers: { origin: 'https://wallet.example' } });
      expect(preflight.status).toBe(204);
      expect(preflight.headers['access-control-allow-origin']).toBe('*');
      expect(preflight.headers['access-control-allow-methods']).toContain('POST');
      expect(preflight.headers['access-control-allow-headers']).toContain('content-type');
      expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
    }
  });

  it.each([
    ['GET', '', 404, 'GATEWAY_NOT_FOUND'],
    ['GET', '/nothing', 404, 'GATEWAY_NOT_FOUND'],
    ['GET', '/v1/claims/00', 404, 'GATEWAY_NOT_FOUND'],
    ['GET', '/v1/claims/%ff', 400, 'GATEWAY_REQUEST'],
    ['DELETE', '', 405, 'GATEWAY_METHOD'],
    ['GET', '/v1/offers/redeem', 405, 'GATEWAY_METHOD'],
    ['PUT', '/v1/claims', 405, 'GATEWAY_METHOD'],
    ['POST', '/v1/challenge', 405, 'GATEWAY_METHOD'],
  ])('refuses %s %s with %d', async (method, path, status, code) => {
    const answer = await ask(at(path), { method });
    expect({ status: answer.status, code: answer.json.error?.code }).toEqual({ status, code });
    expect(answer.text).not.toMatch(/\bat .*\.js:\d/);
    if (status === 405) expect(answer.headers.allow).toContain('OPTIONS');
  });

  it.each([
    ['a body that is no JSON', '{', 'application/json', 400],
    ['a body of another type', '{}', 'text/plain', 400],
    ['an unknown field', '{"token":"00","more":1}', 'application/json', 400],
    ['too large a body', `{"token":"${'0'.repeat(20_000)}"}`, 'application/json', 413],
    ['a token that nobody was given', `{"token":"${'0'.repeat(64)}"}`, 'application/json', 404],
  ])('refuses %s', async (_what, body, type, status) => {
    const sent = { method: 'POST', headers: { 'content-type': type }, body };
    const answer = await ask(at('/v1/offers/redeem'), sent);
    expect(answer.status).toBe(status);
    expect(answer.json.error?.code).toMatch(/^GATEWAY_/);
  });

  it('refuses too large a request and one with an encoding at the ITI-43 endpoint', async () => {
    const large = { method: 'POST', body: new Uint8Array(200_000) };
    expect((await ask(at(''), large)).status).toBe(413);
    expect((await ask(at(''), { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: 'x' })).status).toBe(
      415,
    );
    const fault = await ask(at(''), {
      method: 'POST',
      headers: { 'content-type': 'application/soap+xml' },
      body: '<x/>',
    });
    expect(fault.status).toBeGreaterThanOrEqual(400);
    expect(fault.text).toContain('Fault');
  });

  it('opens the desk to the token on loopback alone', async () => {
    expect((await desk('/v1/health')).json).toMatchObject({ ok: true });
    for (const headers of [
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${'0'.repeat(64)}` },
      { host: 'desk.example' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      const answer = await desk('/v1/studies', undefined, headers);
      expect({ status: answer.status, code: answer.json.error?.code }).toEqual({
        status: 403,
        code: 'GATEWAY_FORBIDDEN',
      });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('tells the desk of an offer that was redeemed twice', async () => {
    const { offer } = (await desk('/v1/offers', { studyInstanceUID })).json;
    const body = { token: toHex(parseOffer(String(offer)).token) };
    expect((await post('/v1/offers/redeem', body)).status).toBe(200);
    expect((await post('/v1/offers/redeem', body)).status).toBe(410);
    expect((await desk('/v1/notices')).json).toMatchObject({ notices: [{ kind: 'offer-redeemed-twice' }] });
  });

  it('names the study by its number alone when an offer is redeemed and the archive lacks it', async () => {
    const { offer } = (await desk('/v1/offers', { studyInstanceUID })).json;
    renameSync(file('images'), file('images-away'));
    mkdirSync(file('images'));
    const answer = await post('/v1/offers/redeem', { token: toHex(parseOffer(String(offer)).token) });
    rmSync(file('images'), { recursive: true });
    renameSync(file('images-away'), file('images'));
    expect(answer.json.error).toMatchObject({ code: 'GATEWAY_STUDY_UNKNOWN', detail: { study: '1' } });
    expect(answer.text).not.toContain(studyInstanceUID);
  });

  it('passes the revocation on, and offers no study that was withdrawn', async () => {
    await until(async () => node.posted.some(({ tuple }) => tuple.type === 4));
    const unknown = await desk('/v1/withdraw', { study: 99 });
    expect({ status: unknown.status, code: unknown.json.error?.code }).toEqual({
      status: 404,
      code: 'GATEWAY_STUDY_UNKNOWN',
    });
    expect((await desk('/v1/studies')).json).toMatchObject({
      studies: [{ number: 1, studyInstanceUID, studyHash: toHex(studyHash()), withdrawn: false }],
    });
    expect((await desk('/v1/withdraw', { study: 1 })).status).toBe(200);
    expect((await desk('/v1/studies')).json).toMatchObject({ studies: [{ number: 1, withdrawn: true }] });
    const offered = await desk('/v1/offers', { studyInstanceUID });
    expect({ status: offered.status, code: offered.json.error?.code }).toEqual({
      status: 409,
      code: 'GATEWAY_STUDY_WITHDRAWN',
    });
  });

  it.each<[string, (name: string) => Promise<Answer>]>([
    ['a path', name => ask(at(`/${name}`))],
    ['a query', name => ask(at(`/v1/claims/00?patient=${name}`))],
    ["a claim's number", name => ask(at(`/v1/claims/${name}`))],
    ['a value in JSON', name => post('/v1/offers/redeem', { token: name })],
    ['text that is no JSON', name => postRaw('/v1/claims', 'application/json', name)],
    ['a media type', name => postRaw('/v1/claims', `text/${name}`, name)],
    ['text that is no SOAP', name => postRaw('', soap, name)],
    ['an element that is no envelope', name => postRaw('', soap, `<${name}>${name}</${name}>`)],
    ['a namespace', name => postRaw('', soap, `<e:Envelope xmlns:e="${name}"/>`)],
    ['an action', name => postRaw('', `${soap}; action="${name}"`, signed('RetrieveDocumentSet<', `${name}<`))],
    ['an address', name => postRaw('', soap, signed(`${config.url}<`, `https://${name}.example/<`))],
    ['a document', name => postRaw('', soap, signed(toHex(studyHash()), name))],
    ['a header to be understood', name => postRaw('', soap, signed('</soap:Header>', mandatory(name)))],
    ['a boundary', name => postRaw('', `multipart/related; boundary="${name}"`, `--${name}\r\n${name}`)],
  ])('says nothing back of a name in %s', async (_where, request) => {
    const name = 'Canary.4711';
    const answer = await request(name);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toContain(name);
    expect(JSON.stringify(answer.headers)).not.toContain(name);
    expect(logged.join('\n')).not.toContain(name);
  });

  it('logs no names, keys, identifiers or addresses, and tells none on the ledger or in a refusal', async () => {
    const all = logged.join('\n');
    const { patientKey } = node.posted.find(({ tuple }) => tuple.type === 3)!.tuple as RevokeAccess;
    const secrets = [source, ...doctors].map(key => toHex(key.publicKey));
    const { sopInstanceUID } = await readInstanceHeader(join(file('images'), readdirSync(file('images'))[0]!));
    const people = [
      studyInstanceUID,
      accessionNumber,
      sopInstanceUID,
      'Phantom^Shepp-Logan',
      'PHANTOM',
      'Head phantom',
    ];
    const canaries = [...people, toHex(studyHash()), toHex(patientKey), ...secrets, '127.0.0.1'];
    expect(logged.length).toBeGreaterThan(3);
    for (const canary of canaries) expect(all).not.toContain(canary);
    // What nodes keep and gossip are these bytes.
    const onTheLedger = node.posted.map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
    expect(onTheLedger.length).toBeGreaterThan(2);
    expect(refusals.length).toBeGreaterThan(10);
    const searched = `${logged.length} lines of log, ${onTheLedger.length} transactions, ${refusals.length} refusals`;
    process.stdout.write(`${canaries.length} canaries, of which ${people.length} of people: searched ${searched}\n`);
    for (const canary of people)
      expect([...onTheLedger, ...refusals].filter(text => text.includes(canary))).toEqual([]);
  });

  it('keeps its secrets from others, and refuses to start with one that others can read', async () => {
    for (const name of ['salt.key', 'desk.token']) expect(statSync(file(`data/${name}`)).mode & 0o077).toBe(0);
    const other = { ...config, dataDir: file('other'), listen: { address: '127.0.0.1:0' } };
    mkdirSync(other.dataDir);
    const first = await startGateway(other, () => undefined);
    await first.stop();
    chmodSync(file('other/salt.key'), 0o644);
    await expect(startGateway(other, () => undefined)).rejects.toMatchObject({ code: 'CLIENT_SECRET_FILE' });
  });

  it('neither starts nor passes its check before nodes of another network than it is told to serve on', async () => {
    const other = {
      ...config,
      dataDir: file('elsewhere'),
      listen: { address: '127.0.0.1:0' },
      chainId: '00'.repeat(32),
    };
    const wrong = { code: 'CLIENT_WRONG_NETWORK', detail: { expected: other.chainId, got: toHex(node.chainId) } };
    await expect(startGateway(other, () => undefined)).rejects.toMatchObject(wrong);
    await expect(checkGateway(other)).rejects.toMatchObject(wrong);
    expect(await checkGateway({ ...config, chainId: toHex(node.chainId) })).toMatchObject({ studies: 1 });
  });

  it('takes ITI-43 from who shows a certificate of the named authority, and wallets without one', async () => {
    const certificates = file('certificates');
    mkdirSync(certificates);
    makeCertificates(certificates);
    const pem = (name: string): string => readFileSync(join(certificates, name), 'utf8');
    await gateway.stop();
    const tls = { cert: file('tls.crt'), key: file('tls.key'), clientCa: join(certificates, 'ca.crt') };
    gateway = await startGateway({ ...config, tls }, () => undefined);
    const answerTo = (own: { cert?: string; key?: string }) =>
      guardedFetch(
        config.url,
        { method: 'POST', headers: { 'content-type': sent.contentType }, body: sent.body },
        { ca, allowPrivate: true, maxBytes: 100_000, ...own },
      );
    const refused = await answerTo({});
    expect({ status: refused.status, text: Buffer.from(refused.body).toString() }).toMatchObject({
      status: 403,
      text: expect.stringContaining('GATEWAY_FORBIDDEN'),
    });
    const stranger = { cert: pem('stranger.crt'), key: pem('stranger.key') };
    expect((await answerTo(stranger)).status).toBe(403);
    // With a certificate the message is judged: this one's grant was revoked.
    const known = await answerTo({ cert: pem('gateway.crt'), key: pem('gateway.key') });
    expect(known.status).toBe(200);
    expect(Buffer.from(known.body).toString()).toContain('XDSDocumentUniqueIdError');
    expect((await ask(at('/health'))).status).toBe(200);
  });

  it('behind a proxy takes connections from the proxies that are named, and from nobody else', async () => {
    const { tls: _tls, ...plain } = config;
    const behind = (proxy: string): GatewayConfig => ({
      ...plain,
      dataDir: file(`behind-${proxy}`),
      listen: { address: '127.0.0.1:0', plainBehindProxy: [proxy] },
    });
    const named = await startGateway(behind('127.0.0.1'), () => undefined);
    expect((await ask(`${named.listen}/radpass/health`)).status).toBe(200);
    await named.stop();
    const other = await startGateway(behind('192.0.2.1'), () => undefined);
    await expect(ask(`${other.listen}/radpass/health`)).rejects.toThrow();
    await other.stop();
  });
});
