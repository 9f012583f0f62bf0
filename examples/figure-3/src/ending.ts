/** The end: the nodes' folders are replayed, or, with --serve, everything stays and is written down. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordFile } from '@radpass/client/node';
import { publicKeyHex, type SecretKey, toBase64Url, toHex } from '@radpass/core';
import type { Cast, Granted } from './cast.js';
import { unexpected } from './failure.js';
import type { Source } from './founding.js';
import { doctorKey } from './people.js';
import type { Running } from './processes.js';
import type { ReportedNode } from './report.js';

/** `radpass-node verify` on every stopped node's folder. */
export async function verifyNodes(cast: Cast): Promise<ReportedNode[]> {
  return Promise.all(cast.stage.sources.map(source => verifyNode(cast, source)));
}

async function verifyNode(cast: Cast, source: Source): Promise<ReportedNode> {
  const result = await cast.stage.processes.run('node', ['verify', '--data-dir', source.dataDir]);
  if (result.ok !== true) throw unexpected(`verify ${source.name}`, 'a good folder', JSON.stringify(result));
  return { finalHeight: Number(result.finalHeight), stateRoot: String(result.stateRoot), verify: true };
}

/** The same of nodes that go on running: nothing is replayed. */
export async function statusOfNodes(cast: Cast): Promise<ReportedNode[]> {
  const statuses = await Promise.all(cast.stage.sources.map(source => source.api.status()));
  return statuses.map(({ finalHeight, stateRoot }) => ({ finalHeight, stateRoot: toHex(stateRoot), verify: null }));
}

interface KeyFiles {
  publicKey: string;
  pkcs8File: string;
  spkiFile: string;
}

/** Write demo.json: where everything is, for scripts that go on from here. */
export async function writeDemoFile(
  cast: Cast,
  p: { gateway: Running; granted: Granted; revoked: Granted; documentSha256: string },
): Promise<string> {
  const { stage, hospital, study, doctor } = cast;
  const { patientKey, studyHash } = p.granted.listed;
  const keyDir = join(stage.dir, 'keys');
  await mkdir(keyDir, { mode: 0o700 });
  const requester = await writePemKeys(await doctorKey(doctor, p.granted.listed), join(keyDir, 'requester'));
  const revoked = await writePemKeys(await doctorKey(doctor, p.revoked.listed), join(keyDir, 'revoked'));
  const stranger = await writePemKeys(cast.stranger, join(keyDir, 'stranger'));
  const content = {
    gatewayUrl: hospital.source.url,
    caFile: cast.tls.ca,
    repositoryUniqueId: hospital.source.sourceKey,
    documentUniqueId: studyHash,
    salt: await saltOf(cast),
    studyInstanceUID: study.summary.studyInstanceUID,
    documentSha256: p.documentSha256,
    requester,
    stranger,
    revoked: { requester: revoked, documentUniqueId: p.revoked.listed.studyHash },
    patient: { publicKey: patientKey },
    nodes: stage.sources.map(({ api, dataDir, node }) => ({ api: api.url, dataDir, pid: node.pid })),
    gateway: { pid: p.gateway.pid, dataDir: hospital.dataDir, desk: hospital.desk },
    pages: {},
  };
  const path = join(stage.dir, 'demo.json');
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/** The study's salt, from the patient's wallet: it stands on no ledger. */
async function saltOf(cast: Cast): Promise<string> {
  const record = await recordFile(join(cast.patient.home, 'wallet'), { kind: 'wallet', plain: true }).load();
  const { studies } = JSON.parse(new TextDecoder().decode(record ?? undefined)) as { studies: { salt: string }[] };
  return studies[0]?.salt ?? '';
}

/** The key as other programs read it: PKCS #8 and SubjectPublicKeyInfo in PEM. */
async function writePemKeys(key: SecretKey, path: string): Promise<KeyFiles> {
  const jwk = {
    kty: 'OKP',
    crv: 'Ed25519',
    d: toBase64Url(key.exportSeed()),
    x: toBase64Url(key.publicKey),
  };
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  const files = { pkcs8File: `${path}.pkcs8.pem`, spkiFile: `${path}.spki.pem` };
  await writeFile(files.pkcs8File, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.spkiFile, createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }));
  return { publicKey: publicKeyHex(key.publicKey), ...files };
}
