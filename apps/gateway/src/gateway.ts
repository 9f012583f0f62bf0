/**
 * The gateway, wired: image store, records, ITI-43 service over the nodes' view of the ledger, public surface, desk.
 * Start-up is recovery: what was acknowledged is in the records, and the outbox goes on posting.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import {
  ClientError,
  createHttpAccessView,
  firstAnswer,
  type LightNodes,
  NodeApi,
  type NodeStatus,
} from '@radpass/client';
import { listenHttp, localToken, nodeFetch, openLightFile, readCheckpoint, secretFile } from '@radpass/client/node';
import {
  type AccessEvent,
  chooseSeq,
  codeOf,
  createWithdrawStudy,
  fromHex,
  type PublicKey,
  parseUrl,
  publicKeyHex,
  type SecretKey,
  toHex,
} from '@radpass/core';
import { nodeVerifier, readKeyFile, readPassphrase } from '@radpass/core/node';
import { mimeType } from '@radpass/imaging';
import { createRetrieveService, type DocumentProvider, openDisclosureStore, type RetrieveService } from '@radpass/xds';
import {
  httpExchange,
  httpLimits,
  limitServer,
  openDisclosureLog,
  openReplayStore,
  openTunnel,
  parseProxy,
} from '@radpass/xds/node';
import type { RequestHandler } from 'express';
import { Accesses } from './accesses.js';
import { startGatewayAudit } from './auditTrail.js';
import { Challenges, type ClaimDesk } from './claims.js';
import { defaultMaxStalenessMs, type GatewayConfig } from './config.js';
import { createDeskApi } from './deskApi.js';
import { GatewayError } from './errors.js';
import { auditDisclosures } from './evidence.js';
import { readText } from './files.js';
import { openImageStore } from './imageStore.js';
import { Outbox } from './outbox.js';
import { isWithinHours, packageAhead } from './packagedAhead.js';
import { createPublicApi } from './publicApi.js';
import { Records, Turn } from './records.js';
import { rememberServed } from './replayMemory.js';
import { Revocations } from './revocations.js';
import type { Log } from './runtime.js';
import { noteSigners } from './signers.js';
import { Studies } from './studies.js';

export interface RunningGateway {
  url: string;
  listen: string;
  desk: string;
  sourceKey: string;
  stop: () => Promise<void>;
}

type Stops = (() => Promise<void>)[];

export function nodesOf(config: GatewayConfig): NodeApi[] {
  const proxy = config.outbound && parseProxy(config.outbound.proxy);
  const tunnel = proxy && ((host: string, port: number) => openTunnel(proxy, host, port));
  return config.node.map(
    ({ url, ca }) => new NodeApi({ url, fetch: nodeFetch({ ...(ca ? { ca: readText(ca) } : {}), tunnel }) }),
  );
}

export function openSourceKey(config: GatewayConfig): Promise<SecretKey> {
  return readKeyFile(config.key, {
    role: 'source',
    passphrase: () => readPassphrase(`passphrase for ${config.key}: `),
  });
}

/** SHA-256 of the certificate's SubjectPublicKeyInfo: what defineSource pins. */
export function tlsPin(config: GatewayConfig): Uint8Array | null {
  if (!config.tls) return null;
  const { publicKey } = new X509Certificate(readText(config.tls.cert));
  return new Uint8Array(
    createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest(),
  );
}

export async function startGateway(config: GatewayConfig, log: Log): Promise<RunningGateway> {
  const stops: Stops = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.reverse()) await end();
  };
  try {
    return { ...(await open(config, log, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function open(config: GatewayConfig, log: Log, stops: Stops): Promise<Omit<RunningGateway, 'stop'>> {
  const url = parseUrl(config.url);
  const dataDir = prepareFolder(config.dataDir);
  const key = await openSourceKey(config);
  const nodes = nodesOf(config);
  const { chainId, sourceKey } = await findSource(config, nodes, key.publicKey);
  const records = await Records.open(join(dataDir, 'records'));
  stops.push(() => records.close());
  const store = await openImageStore(config, log);
  stops.push(() => store.close());
  // With these 32 bytes and the archive every study hash can be made again: back them up.
  const saltKey = await secretFile(join(dataDir, 'salt.key'));
  const studies = new Studies({ store, records, sourceKey, saltKey });
  const now = (): number => Date.now();
  const revocations = await Revocations.open({
    records,
    nodes,
    chainId,
    sourceKey,
    key,
    verifier: nodeVerifier,
    log,
    now,
    post: () => outbox.wake(),
  });
  stops.push(async () => revocations.stop());
  const outbox = new Outbox({ records, nodes, log, now });
  stops.push(() => outbox.stop());
  const desk: ClaimDesk = {
    chainId,
    sourceKey,
    url,
    records,
    studies,
    turn: new Turn(),
    now,
    key,
    verifier: nodeVerifier,
    nodes,
    post: () => outbox.wake(),
  };

  const maxStalenessMs = config.policy?.maxStalenessMs ?? defaultMaxStalenessMs;
  const catchUp = (node: NodeApi): void => {
    void revocations.catchUp(node).catch((error: unknown) => log('catch-up-failed', { reason: codeOf(error) }));
  };
  const light = await openLight(config, nodes, now);
  const view = createHttpAccessView({
    nodes,
    now,
    maxStalenessMs,
    onReset: node => catchUp(node),
    ...(light && { light }),
  });
  const replaysLost = !existsSync(join(dataDir, 'replays'));
  const replay = await openReplayStore(join(dataDir, 'replays'));
  stops.push(() => replay.close());
  const disclosureLog = await openDisclosureLog(join(dataDir, 'disclosures'));
  stops.push(() => disclosureLog.close());
  const disclosures = await openDisclosureStore({ log: disclosureLog, key, chainId, verifier: nodeVerifier });
  const signers = await noteSigners(records, [sourceKey, key.publicKey]);
  if (replaysLost) await rememberServed({ disclosures, replay, now: now() });
  const audit =
    config.audit &&
    (await startGatewayAudit({
      audit: config.audit,
      url,
      repositoryUniqueId: publicKeyHex(sourceKey),
      disclosures,
      cursorFile: join(dataDir, 'audit.cursor'),
      log,
    }));
  if (audit) stops.push(audit.stop);
  const service = createRetrieveService({
    key,
    sourceKey,
    url,
    chainId,
    view,
    verifier: nodeVerifier,
    documents: documentsOf(studies),
    replay,
    disclosures,
    clock: { now, monotonic: () => performance.now() },
    policy: { maxStalenessMs },
    revokedSeq: (owner, studyHash, requester) => revocations.revokedSeq(owner, studyHash, requester),
    onRetrieval: event => {
      audit?.onRetrieval(event);
      log('retrieval', { kind: event.kind, ...(event.kind === 'failed' ? { reason: codeOf(event.error) } : {}) });
    },
  });
  stops.push(async () => service.stop());
  stops.push(watchLedger(view, revocations, service, log));

  const { aheadHours = [0, 0] } = config.images;
  const isTime = (): boolean => isWithinHours(aheadHours, new Date(now()).getHours());
  stops.push(packageAhead({ node: nodes[0]!, sourceKey, studies, log, isTime }));

  const status = (): Promise<NodeStatus> => firstAnswer(nodes, node => node.status());
  const withdraw = async (number: number): Promise<string> => {
    const study = await studies.byNumber(number);
    const { studyHash } = study;
    const bound = await firstAnswer(nodes, node => node.seqBound({ sourceKey }));
    const seq = chooseSeq(headTime(await status()), bound - 1);
    const transaction = createWithdrawStudy({ chainId, key, seq, sourceKey, studyHash: fromHex(studyHash, 32) });
    const transactionId = toHex(transaction.id);
    const value = { transactionId, transaction: toHex(transaction.bytes) };
    await records.write([
      { table: 'outbox', key: transactionId, value },
      { table: 'studies', key: studyHash, value: { ...study, withdrawn: true } },
    ]);
    outbox.wake();
    return transactionId;
  };
  const proxies = config.listen.plainBehindProxy ?? [];
  const publicApp = createPublicApi({
    desk,
    revocations,
    challenges: new Challenges(now),
    accesses: new Accesses({ records, disclosures, chainId, sourceKey, key }),
    verifier: nodeVerifier,
    certificates: config.tls?.clientCa !== undefined,
    iti43: iti43Handler(service),
    proxies,
    log,
  });
  const deskApp = createDeskApi({
    token: await localToken(join(dataDir, 'desk.token')),
    desk,
    disclosures,
    auditDisclosures: () => auditDisclosures(disclosureLog, { chainId, sourceKey, signers, verifier: nodeVerifier }),
    signingTime: async () => chooseSeq(await status().then(headTime, now)),
    withdraw,
    health: async () => ({ ok: true, node: await status() }),
    log,
  });
  const tls = config.tls && {
    cert: readText(config.tls.cert),
    key: readText(config.tls.key),
    clientCa: config.tls.clientCa && readText(config.tls.clientCa),
  };
  const listening = await listenHttp({
    address: config.listen.address,
    handler: publicApp,
    tls,
    behindProxy: proxies.length > 0,
    prepare: server => (proxies.length > 0 ? onlyProxies(server, proxies) : limitServer(server)),
  });
  stops.push(listening.close);
  const deskListening = await listenHttp({ address: config.desk.listen, handler: deskApp });
  stops.push(deskListening.close);
  outbox.wake();
  return { url, listen: listening.url, desk: deskListening.url, sourceKey: publicKeyHex(sourceKey) };
}

/** What checks the nodes' proofs, where the configuration names the network. */
function openLight(config: GatewayConfig, nodes: readonly NodeApi[], now: () => number): Promise<LightNodes> | null {
  if (config.chainId === undefined) return null;
  const checkpoint = config.checkpoint === undefined ? undefined : readCheckpoint(config.checkpoint);
  const chainId = fromHex(config.chainId, 32);
  return openLightFile(join(config.dataDir, 'light'), { nodes, chainId, now, checkpoint, verifier: nodeVerifier });
}

/**
 * The source that this key stands for: its name for ever is its first key.
 * @throws ClientError CLIENT_WRONG_NETWORK where the nodes are of another network than the configuration names
 */
export async function findSource(
  config: GatewayConfig,
  nodes: readonly NodeApi[],
  standing: PublicKey,
): Promise<{ chainId: Uint8Array; sourceKey: PublicKey }> {
  const [{ chainId }, { sources }] = await firstAnswer(nodes, node => Promise.all([node.status(), node.sources()]));
  const { chainId: expected = toHex(chainId) } = config;
  if (toHex(chainId) !== expected) {
    const detail = { code: 'CLIENT_WRONG_NETWORK', expected, got: toHex(chainId) } as const;
    throw new ClientError(detail, `the node is of network ${detail.got}, not ${expected}`);
  }
  const wanted = publicKeyHex(standing);
  const entry = sources.find(source => publicKeyHex(source.standingKey) === wanted);
  return { chainId, sourceKey: entry?.sourceKey ?? standing };
}

/** Time of the head's slot, Unix ms: what signatures are dated by, where a node is reachable. */
export function headTime(status: NodeStatus): number {
  return status.genesisTimeMs + status.headSlot * status.slotMs;
}

function documentsOf(studies: Studies): DocumentProvider {
  return {
    async open(studyHash) {
      const record = await studies.byHash(toHex(studyHash));
      if (!record || record.withdrawn) return null;
      const document = await studies.document(record);
      return { size: document.size, sha256: document.sha256, mimeType, stream: () => document.stream() };
    },
  };
}

/** Revocations go to the sticky table before the service hears of them. */
function watchLedger(
  view: ReturnType<typeof createHttpAccessView>,
  revocations: Revocations,
  service: RetrieveService,
  log: Log,
): () => Promise<void> {
  const handle = async (event: AccessEvent): Promise<void> => {
    if (event.kind === 'revocation') await revocations.fromNode(event.transaction);
    service.onEvent(event);
  };
  let last = Promise.resolve();
  const stop = view.watch(0, event => {
    last = last.then(() => handle(event)).catch((error: unknown) => log('event-failed', { reason: codeOf(error) }));
  });
  return async () => {
    stop();
    await last;
  };
}

function iti43Handler(service: RetrieveService): RequestHandler {
  return async (request, response) => {
    const exchange = await httpExchange(request, response, request.ip);
    if (exchange) await service.handle(exchange);
  };
}

function prepareFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError({ code: 'GATEWAY_DATA_DIR', path, reason }, `${path} can't be used: ${reason}`, { cause });
  }
}

/** Plain http is for the named proxies alone; all their clients' connections come from them. */
function onlyProxies(server: Server, proxies: readonly string[]): void {
  server.on('connection', socket => {
    const address = socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
    if (!proxies.includes(address)) socket.destroy();
  });
  limitServer(server, httpLimits.maxConnections);
}
