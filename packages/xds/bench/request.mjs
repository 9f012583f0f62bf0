/**
 * Cost of one ITI-43 request, from its bytes to the decision, beside two anchors in the same run: a bare Ed25519
 * verification by the same backend, and xml-crypto checking the same signature (parsing by @xmldom/xmldom, as its users do).
 * They take turns, and processor time is counted, so that a busy machine matters little: believe the ratios.
 *   node packages/xds/bench/request.mjs [turns]
 */
import { createPublicKey, verify } from 'node:crypto';
import { createRequire } from 'node:module';
import { nobleVerifier, publicKeyHex, SecretKey, sha256, utf8 } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { createRetrieveRequest, decide, defaultPolicy, parseRequest, verifyRequest } from '@radpass/xds';

// Installed for the repository's own tools, no dependency of this package.
const anchors = createRequire(new URL('../../../tools/quality/package.json', import.meta.url));
const { SignedXml } = anchors('xml-crypto');
const { DOMParser } = anchors('@xmldom/xmldom');

const turns = Number(process.argv[2] ?? 60);
const [key, source, patient] = [1, 2, 3].map(n => SecretKey.fromSeed(new Uint8Array(32).fill(n)));
const url = 'https://images.example/xds';
const now = Date.now();
const studyHash = sha256(utf8('study'));
const documents = [
  { repositoryUniqueId: publicKeyHex(source.publicKey), documentUniqueId: Buffer.from(studyHash).toString('hex') },
];
const requests = Array.from({ length: 50 }, () => createRetrieveRequest({ key, to: url, documents, now }));
const located = requests.map(r => parseRequest(r.contentType, r.body).secured.signature);

const chainId = sha256(utf8('chain'));
const ledger = {
  chainId,
  checkpoint: { slot: 1, blockId: sha256(utf8('block')), timeMs: now - 1_000 },
  source: { standingKey: source.publicKey, url, seq: 1 },
  study: { owner: patient.publicKey, ownerSinceSlot: 1, generation: 0, withdrawn: false },
  grant: { seq: 1, notAfter: 0, receiptHash: new Uint8Array(), contentId: sha256(utf8('grant')) },
  revokedSeq: 0,
  proof: new Uint8Array(),
};
const own = { sourceKey: source.publicKey, signingKey: source.publicKey, url, chainId };

function whole(i, verifier) {
  const { contentType, body } = requests[i % requests.length];
  const request = verifyRequest(parseRequest(contentType, body), verifier);
  const { serve } = decide({
    request,
    document: request.documents[0],
    receivedAt: now,
    now,
    own,
    ledger,
    view: { lastEventAt: now, clockSteppedBack: false },
    locallyRevokedSeq: 0,
    rate: { allowed: true },
    policy: defaultPolicy,
  });
  if (!serve) throw new Error('refused');
}

function bare(i, verifier) {
  const { value, signedInfo, signer } = located[i % located.length];
  if (!verifier.verifyStrict(value, signedInfo, signer)) throw new Error('does not verify');
}

const ed25519 = 'http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519';
class Ed25519 {
  verifySignature = (material, publicKey, value) =>
    verify(null, Buffer.from(material), publicKey, Buffer.from(value, 'base64'));
  getAlgorithmName = () => ed25519;
}
const publicKey = createPublicKey({
  key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.publicKey]),
  format: 'der',
  type: 'spki',
});

function byXmlCrypto(i) {
  const xml = Buffer.from(requests[i % requests.length].envelope).toString();
  const signature = new DOMParser().parseFromString(xml, 'text/xml').getElementsByTagNameNS('*', 'Signature')[0];
  const signed = new SignedXml({ publicCert: publicKey, getCertFromKeyInfo: () => null, idMode: 'wssecurity' });
  signed.SignatureAlgorithms = { [ed25519]: Ed25519 };
  signed.loadSignature(signature);
  if (!signed.checkSignature(xml)) throw new Error('xml-crypto refuses');
}

/** Milliseconds of processor time that a turn of `perTurn` runs takes, each. */
function timed(run, perTurn) {
  const started = process.cpuUsage();
  for (let i = 0; i < perTurn; i++) run(i);
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1_000 / perTurn;
}
const median = times => times.sort((a, b) => a - b)[times.length >> 1];

for (const verifier of [nodeVerifier, nobleVerifier]) {
  const times = { request: [], verify: [], xmlCrypto: [] };
  for (let turn = -5; turn < turns; turn++) {
    const one = {
      request: timed(i => whole(i, verifier), 20),
      verify: timed(i => bare(i, verifier), 50),
      xmlCrypto: timed(byXmlCrypto, 2),
    };
    if (turn >= 0) for (const name of Object.keys(times)) times[name].push(one[name]);
  }
  const [requestMs, verifyMs, xmlCryptoMs] = [times.request, times.verify, times.xmlCrypto].map(median);
  console.log(
    JSON.stringify({
      backend: verifier.backend,
      turns,
      bytes: requests[0].body.length,
      requestMs,
      verifyMs,
      xmlCryptoMs,
      timesBareVerify: requestMs / verifyMs,
      timesFasterThanXmlCrypto: xmlCryptoMs / requestMs,
    }),
  );
}
