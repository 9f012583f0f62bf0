/** The hospital's side: the gateway's configuration, its desk, and what its audit says about a request. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '@radpass/core';
import type { DisclosureRecord } from '@radpass/xds';
import type { Certificates } from './certificates.js';
import { unexpected } from './failure.js';
import type { Source, Stage } from './founding.js';
import { askLocal } from './localApi.js';
import { freePorts } from './ports.js';
import type { JsonObject, Running } from './processes.js';

/** The default is 60 s; with 10 s nobody waits a minute to see a gateway refuse whose node is cut off. */
export const maxStalenessMs = 10_000;

/** A disclosure record as the desk lists it. */
export type AuditRecord = Pick<
  DisclosureRecord,
  'kind' | 'reason' | 'requester' | 'studyHash' | 'messageId' | 'requestDigest' | 'grade' | 'checkpoint'
>;

export interface Hospital {
  source: Source;
  config: string;
  dataDir: string;
  desk: string;
  /** Run a command of radpass-gateway. */
  run: (...args: string[]) => Promise<JsonObject>;
  start: () => Promise<Running>;
}

/** `images` and `policy` as in the gateway's configuration. */
export async function openHospital(
  stage: Stage,
  p: { images: JsonObject; tls: Certificates; policy?: JsonObject },
): Promise<Hospital> {
  const source = stage.hospital;
  const [deskPort] = await freePorts(1);
  const dataDir = join(stage.dir, 'hospital', 'gateway');
  const config = join(stage.dir, 'hospital', 'gateway.json');
  const desk = `127.0.0.1:${deskPort}`;
  const content = {
    url: source.url,
    listen: { address: `127.0.0.1:${source.gatewayPort}` },
    tls: { cert: p.tls.cert, key: p.tls.key },
    key: join(source.keyDir, 'source.key'),
    node: [{ url: source.api.url }],
    chainId: toHex(stage.genesis.chainId),
    dataDir,
    images: p.images,
    desk: { listen: desk },
    ...(p.policy ? { policy: p.policy } : {}),
  };
  writeFileSync(config, `${JSON.stringify(content, null, 2)}\n`);
  return {
    source,
    config,
    dataDir,
    desk: `http://${desk}`,
    run: (...args) => stage.processes.run('gateway', ['--config', config, ...args]),
    start: () => stage.processes.start('hospital-gateway', 'gateway', ['--config', config, 'start']),
  };
}

/** What the audit says about requests, oldest first. */
export async function auditOf(hospital: Hospital): Promise<AuditRecord[]> {
  const api = { url: hospital.desk, tokenFile: join(hospital.dataDir, 'desk.token') };
  return ((await askLocal(api, '/v1/disclosures')) as { disclosures: AuditRecord[] }).disclosures;
}

/** The newest entry of that kind about the message with this digest. @throws DemoFailure when there is none */
export async function auditRecord(
  hospital: Hospital,
  q: { step: string; kind: 'served' | 'refused'; digest: string },
): Promise<AuditRecord> {
  const found = (await auditOf(hospital)).findLast(
    ({ kind, requestDigest }) => kind === q.kind && requestDigest === q.digest,
  );
  if (found) return found;
  throw unexpected(q.step, `a disclosure record that says ${q.kind}`, 'none');
}
