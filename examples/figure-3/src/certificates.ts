/**
 * TLS for the trial: an authority and one server certificate for 127.0.0.1. Keys by node:crypto; node-forge writes the
 * X.509 structure. A hospital uses the certificate that it has.
 */
import { generateKeyPair, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import forge from 'node-forge';

const lifetimeMs = 7 * 24 * 3_600_000;
const clockSkewMs = 3_600_000;
const loopback = '127.0.0.1';
const typeDns = 2;
const typeIp = 7;

export interface Certificates {
  /** PEM files. */
  ca: string;
  cert: string;
  key: string;
}

interface Keys {
  pem: string;
  private: forge.pki.rsa.PrivateKey;
  public: forge.pki.rsa.PublicKey;
}

const newKeyPair = promisify(generateKeyPair);

async function newKeys(): Promise<Keys> {
  const { privateKey, publicKey } = await newKeyPair('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { pem, private: forge.pki.privateKeyFromPem(pem), public: forge.pki.publicKeyFromPem(publicPem) };
}

function newCertificate(p: { subject: string; issuer: string; key: Keys; signer: Keys; extensions: object[] }): string {
  const certificate = forge.pki.createCertificate();
  // A positive serial number of 16 bytes.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.publicKey = p.key.public;
  certificate.validity.notBefore = new Date(Date.now() - clockSkewMs);
  certificate.validity.notAfter = new Date(Date.now() + lifetimeMs);
  certificate.setSubject([{ name: 'commonName', value: p.subject }]);
  certificate.setIssuer([{ name: 'commonName', value: p.issuer }]);
  certificate.setExtensions(p.extensions);
  certificate.sign(p.signer.private, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** Write ca.pem, server.pem and server.key into `dir`. */
export async function writeCertificates(dir: string): Promise<Certificates> {
  const [authority, server] = await Promise.all([newKeys(), newKeys()]);
  const issuer = 'Radpass trial authority';
  const ca = newCertificate({
    subject: issuer,
    issuer,
    key: authority,
    signer: authority,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const cert = newCertificate({
    subject: loopback,
    issuer,
    key: server,
    signer: authority,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: typeIp, ip: loopback },
          { type: typeDns, value: 'localhost' },
        ],
      },
    ],
  });
  const files = { ca: join(dir, 'ca.pem'), cert: join(dir, 'server.pem'), key: join(dir, 'server.key') };
  await Promise.all([
    writeFile(files.ca, ca),
    writeFile(files.cert, cert),
    writeFile(files.key, server.pem, { mode: 0o600 }),
  ]);
  return files;
}
