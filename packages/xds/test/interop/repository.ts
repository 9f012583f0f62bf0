/** An ITI-43 repository on TLS for clients that nobody here wrote: the shipped service, with its description at ?wsdl. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SecretKey, toHex } from '@radpass/core';
import type { Exchange, StudyDocument } from '../../dist/exchange.js';
import { serviceDescription } from '../../dist/index.js';
import { httpExchange, limitServer } from '../../dist/node/index.js';
import { createWorld, document, otherStudyHash, requester, stranger, studyHash } from '../world.js';

const block = createHash('shake256', { outputLength: 1_048_576 }).update('document').digest();

/** A document of any size that needs no room: one block of noise, over and over. */
export function noise(size: number): StudyDocument {
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += block.length) hash.update(block.subarray(0, Math.min(block.length, size - at)));
  return {
    size,
    sha256: hash.digest(),
    mimeType: 'application/zip',
    async *stream() {
      for (let at = 0; at < size; at += 262_144) {
        const from = at % block.length;
        yield block.subarray(from, Math.min(from + 262_144, from + size - at));
      }
    },
  };
}

export interface Repository {
  url: string;
  folder: string;
  caFile: string;
  /** The description as it was downloaded. */
  wsdlFile: string;
  repositoryUniqueId: string;
  documentUniqueId: string;
  /** PKCS #8 and SubjectPublicKeyInfo (DER) of the one who was allowed, and of somebody else. */
  requester: { pkcs8File: string; spkiFile: string };
  stranger: { pkcs8File: string; spkiFile: string };
  /** What the study's document is from now on. */
  hold(study: StudyDocument): void;
  /** A second study that the requester was allowed. @returns its documentUniqueId */
  holdOther(study: StudyDocument): string;
  /** Whether the requester has a grant at the moment. */
  allow(granted: boolean): void;
  /** The patient revokes: it reaches the source at once. */
  revoke(): void;
  /** Why requests were refused, in order. */
  reasons(): string[];
  close(): void;
}

export async function startRepository(): Promise<Repository> {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-interop-'));
  const file = (name: string): string => join(folder, name);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const out = ['-keyout', file('tls.key'), '-out', file('tls.crt')];
  execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '2', ...curve, ...names, ...out], { stdio: 'ignore' });

  let handle: ((exchange: Exchange) => Promise<void>) | undefined;
  let description = '';
  const tls = { key: readFileSync(file('tls.key')), cert: readFileSync(file('tls.crt')) };
  const server = createServer(tls, async (req, res) => {
    if (req.method === 'GET') return void res.setHeader('content-type', 'text/xml').end(description);
    const exchange = await httpExchange(req, res);
    if (exchange !== null) await handle?.(exchange);
  });
  limitServer(server);
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve));
  const url = `https://localhost:${(server.address() as AddressInfo).port}/xds/iti43`;
  const world = await createWorld({ url });
  handle = world.service.handle;
  const beat = setInterval(world.heartbeat, 1_000);
  description = serviceDescription(url);
  const wsdlFile = file('service.wsdl');
  writeFileSync(wsdlFile, description);

  const keyFiles = (name: string, key: SecretKey): { pkcs8File: string; spkiFile: string } => {
    const files = { pkcs8File: file(`${name}.pkcs8`), spkiFile: file(`${name}.spki`) };
    writeFileSync(files.pkcs8File, `302e020100300506032b657004220420${toHex(key.exportSeed())}`, 'hex');
    writeFileSync(files.spkiFile, `302a300506032b6570032100${toHex(key.publicKey)}`, 'hex');
    return files;
  };
  return {
    url,
    folder,
    caFile: file('tls.crt'),
    wsdlFile,
    ...document,
    requester: keyFiles('requester', requester),
    stranger: keyFiles('stranger', stranger),
    hold: study => void world.studies.set(toHex(studyHash), study),
    holdOther(study) {
      world.state.grantedStudies = [studyHash, otherStudyHash];
      world.studies.set(toHex(otherStudyHash), study);
      return toHex(otherStudyHash);
    },
    allow: granted => {
      world.state.granted = granted ? [requester.publicKey] : [];
      world.state.locallyRevokedSeq = 0;
    },
    revoke: world.revoke,
    reasons: world.reasons,
    close() {
      clearInterval(beat);
      world.service.stop();
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
