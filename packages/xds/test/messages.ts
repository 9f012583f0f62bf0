/**
 * Messages for tests: a valid signed request from the product's own writer, and a signer that puts a true signature
 * on any structure, as an attacker with a key of their own would.
 */
import { nobleVerifier, SecretKey, sha256, signSignedInfo, toBase64, utf8 } from '@radpass/core';
import { canonicalize } from '../dist/canonicalXml.js';
import { createRetrieveRequest, parseRequest, type VerifiedRequest, verifyRequest, XdsError } from '../dist/index.js';
import { readXml, type XmlElement } from '../dist/xmlReader.js';

export const now = Date.UTC(2027, 0, 15, 12, 0, 0);
export const requester = SecretKey.fromSeed(new Uint8Array(32).fill(1));
export const attacker = SecretKey.fromSeed(new Uint8Array(32).fill(2));
export const source = SecretKey.fromSeed(new Uint8Array(32).fill(3));
export const to = 'https://images.hospital.example:8443/xds/iti43';
export const repositoryUniqueId = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
export const documentUniqueId = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
export const documents = [{ repositoryUniqueId, documentUniqueId }];
export const soapType = 'application/soap+xml; charset=UTF-8';

export const ns = {
  soap: 'http://www.w3.org/2003/05/soap-envelope',
  wsa: 'http://www.w3.org/2005/08/addressing',
  wsse: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd',
  wsu: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
  c14n: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  ed25519: 'http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519',
};

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The product's own request as XML text; deterministic. */
export function requestText(): string {
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);
  return text(createRetrieveRequest({ key: requester, to, documents, now, random, form: 'soap' }).body);
}

export function verifyText(xml: string | Uint8Array, contentType = soapType): VerifiedRequest {
  const bytes = typeof xml === 'string' ? utf8(xml) : xml;
  return verifyRequest(parseRequest(contentType, bytes), nobleVerifier);
}

/** The code with which `run` fails; 'accepted' if it doesn't. Errors that are no XdsError pass through. */
export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof XdsError) return error.code;
    throw error;
  }
  return 'accepted';
}

export async function refusalOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof XdsError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** Replace exactly one occurrence; a test whose text isn't found would prove nothing. */
export function replaceOnce(whole: string, from: string | RegExp, by: string): string {
  const count =
    typeof from === 'string' ? whole.split(from).length - 1 : (whole.match(new RegExp(from, 'g')) ?? []).length;
  if (count !== 1) throw new Error(`${count} occurrences of ${from}`);
  return whole.replace(from, () => by);
}

/** The span of the one element with this qualified name, as text. */
export function cut(whole: string, name: string): string {
  const found = whole.match(new RegExp(`<${name}[ >].*?</${name}>`, 'gs')) ?? [];
  if (found.length !== 1) throw new Error(`${found.length} elements ${name}`);
  return found[0]!;
}

export interface Draft {
  headers: string;
  timestamp: string;
  body: string;
  /** ids in wsu:Id that get a reference each */
  signed: string[];
  /** changes the SignedInfo before it is signed, so that the signature itself stays true */
  signedInfo: (text: string) => string;
  /** changes ds:Signature after signing */
  signature: (text: string) => string;
  key: SecretKey;
}

const id = (name: string): string => `wsu:Id="${name}"`;
export const drafted = {
  headers:
    `<wsa:Action ${id('a')}>urn:ihe:iti:2007:RetrieveDocumentSet</wsa:Action>` +
    `<wsa:MessageID ${id('m')}>urn:uuid:0fbfdced-6c01-4d09-a110-2201afedaa02</wsa:MessageID>` +
    `<wsa:To ${id('t')}>${to}</wsa:To>`,
  timestamp: `<wsu:Timestamp ${id('ts')}><wsu:Created>2027-01-15T12:00:00Z</wsu:Created><wsu:Expires>2027-01-15T12:05:00Z</wsu:Expires></wsu:Timestamp>`,
  content:
    '<ihe:RetrieveDocumentSetRequest xmlns:ihe="urn:ihe:iti:xds-b:2007"><ihe:DocumentRequest>' +
    `<ihe:RepositoryUniqueId>${repositoryUniqueId}</ihe:RepositoryUniqueId>` +
    `<ihe:DocumentUniqueId>${documentUniqueId}</ihe:DocumentUniqueId>` +
    '</ihe:DocumentRequest></ihe:RetrieveDocumentSetRequest>',
};

/** A truly signed request of any shape; without changes it is valid. */
export function draft(change: Partial<Draft> = {}): string {
  const d: Draft = {
    headers: drafted.headers,
    timestamp: drafted.timestamp,
    body: `<soap:Body ${id('b')}>${drafted.content}</soap:Body>`,
    signed: ['a', 'm', 't', 'ts', 'b'],
    signedInfo: text => text,
    signature: text => text,
    key: requester,
    ...change,
  };
  const assemble = (signature: string): string =>
    `<soap:Envelope xmlns:soap="${ns.soap}" xmlns:wsa="${ns.wsa}" xmlns:wsse="${ns.wsse}" xmlns:wsu="${ns.wsu}"><soap:Header>` +
    `${d.headers}<wsse:Security>${d.timestamp}${signature}</wsse:Security></soap:Header>${d.body}</soap:Envelope>`;
  const root = readXml(utf8(assemble('')));
  const references = d.signed.map(name => {
    const digest = toBase64(sha256(utf8(canonicalize(findId(root, name)!))));
    return (
      `<ds:Reference URI="#${name}"><ds:Transforms><ds:Transform Algorithm="${ns.c14n}"/></ds:Transforms>` +
      `<ds:DigestMethod Algorithm="${ns.sha256}"/><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference>`
    );
  });
  const signedInfo = d.signedInfo(
    `<ds:SignedInfo xmlns:ds="${ns.ds}"><ds:CanonicalizationMethod Algorithm="${ns.c14n}"/>` +
      `<ds:SignatureMethod Algorithm="${ns.ed25519}"/>${references.join('')}</ds:SignedInfo>`,
  );
  const value = toBase64(signSignedInfo(d.key, utf8(canonicalize(readXml(utf8(signedInfo))))));
  return assemble(
    d.signature(
      `<ds:Signature xmlns:ds="${ns.ds}">${signedInfo}<ds:SignatureValue>${value}</ds:SignatureValue>` +
        `<ds:KeyInfo><dsig11:DEREncodedKeyValue xmlns:dsig11="http://www.w3.org/2009/xmldsig11#">${spki(d.key.publicKey)}` +
        '</dsig11:DEREncodedKeyValue></ds:KeyInfo></ds:Signature>',
    ),
  );
}

export function spki(key: Uint8Array, prefix = '302a300506032b6570032100'): string {
  return Buffer.concat([Buffer.from(prefix, 'hex'), key]).toString('base64');
}

function findId(element: XmlElement, wanted: string): XmlElement | undefined {
  if (element.attributes.some(a => a.uri === ns.wsu && a.local === 'Id' && a.value === wanted)) return element;
  for (const child of element.children) {
    const found = typeof child === 'string' ? undefined : findId(child, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}
