/**
 * WS-Security 1.1: one wsse:Security header that holds exactly a wsu:Timestamp and a ds:Signature, and the signature
 * covers exactly Body, Timestamp and every WS-Addressing header. The header goes out without mustUnderstand, since
 * JAX-WS and gSOAP refuse an answer that has it.
 */
import { type SecretKey, utf8, type Verifier } from '@radpass/core';
import { wsaNamespace } from './addressing.js';
import { XdsError } from './errors.js';
import { type Envelope, envelopeXml, parseEnvelope, wsseNamespace } from './soap.js';
import { childElements, isNamed, tokenOf, type XmlElement, xmlLimits } from './xmlReader.js';
import {
  createSignature,
  type LocatedSignature,
  locateSignature,
  type SignedAttachment,
  type SignedPart,
  verifySignature,
  wsuNamespace,
} from './xmlSignature.js';

/** An envelope whose security header has the right form; nothing in it is verified. */
export interface SecuredEnvelope {
  readonly envelope: Envelope;
  readonly timestamp: XmlElement;
  readonly addressing: readonly XmlElement[];
  readonly signature: LocatedSignature;
}

/** The signed parts of a verified message, which is all that may be read of it. */
export interface VerifiedEnvelope {
  readonly signer: LocatedSignature['signer'];
  readonly body: SignedPart;
  readonly timestamp: SignedPart;
  readonly addressing: readonly SignedPart[];
  readonly attachments: readonly SignedAttachment[];
}

/** @throws XdsError XDS_SECURITY and those of `locateSignature` */
export function locateSecurity(envelope: Envelope): SecuredEnvelope {
  const [security, ...more] = envelope.headers.filter(block => isNamed(block, wsseNamespace, 'Security'));
  if (security === undefined) throw refused('no wsse:Security header');
  if (more.length > 0) throw refused('several wsse:Security headers');
  const tokens = childElements(security);
  const timestamp = tokens.find(token => isNamed(token, wsuNamespace, 'Timestamp'));
  const signature = tokens.find(token => token !== timestamp);
  if (timestamp === undefined || signature === undefined || tokens.length !== 2) {
    throw refused('not exactly one Timestamp and one Signature');
  }
  return {
    envelope,
    timestamp,
    addressing: envelope.headers.filter(block => block.uri === wsaNamespace),
    signature: locateSignature(signature),
  };
}

/** @throws XdsError those of `verifySignature` */
export function verifySecurity(
  secured: SecuredEnvelope,
  options: { verifier: Verifier; attachments: 'allowed' | 'refused' },
): VerifiedEnvelope {
  const { envelope, timestamp, addressing } = secured;
  const verified = verifySignature(secured.signature, [envelope.body, timestamp, ...addressing], options);
  return {
    signer: verified.signer,
    body: verified.part(envelope.body),
    timestamp: verified.part(timestamp),
    addressing: addressing.map(header => verified.part(header)),
    attachments: verified.attachments,
  };
}

/**
 * Created and Expires of a verified message, in Unix milliseconds. Whether they are acceptable is the caller's to say.
 * @throws XdsError XDS_TIMESTAMP when malformed or when Expires is not after Created
 */
export function readTimestamp(part: SignedPart): { created: number; expires: number } {
  const fields = childElements(part.element);
  const [created, expires] = fields;
  if (fields.length !== 2 || !isNamed(created, wsuNamespace, 'Created') || !isNamed(expires, wsuNamespace, 'Expires')) {
    throw badTime('Timestamp is not exactly Created and Expires');
  }
  const times = { created: parseTime(tokenOf(created)), expires: parseTime(tokenOf(expires)) };
  if (times.expires <= times.created) throw badTime('Expires is not after Created');
  return times;
}

/** xs:dateTime in UTC with "Z" and up to 9 digits of a second, as the WS-I Basic Security Profile asks. */
function parseTime(text: string): number {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  const time = match === null ? Number.NaN : Date.parse(`${match[1]}.${(match[2] ?? '').slice(0, 3).padEnd(3, '0')}Z`);
  // 30 February and 24:00 parse, but not to themselves
  if (match === null || Number.isNaN(time) || !new Date(time).toISOString().startsWith(match[1]!)) {
    throw badTime('a time that is no xs:dateTime in UTC');
  }
  return time;
}

/**
 * Assemble and sign an envelope.
 * @param p.addressing - the wsa headers, each with a wsu:Id
 * @param p.body - the Body's content
 * @param p.attachments - signed by cid: reference
 * @returns the UTF-8 bytes that go on the wire
 */
export function createSecuredEnvelope(p: {
  key: SecretKey;
  addressing: string;
  body: string;
  created: number;
  expires: number;
  attachments?: readonly SignedAttachment[];
}): Uint8Array {
  const time = (name: string, at: number): string => `<wsu:${name}>${new Date(at).toISOString()}</wsu:${name}>`;
  const timestamp = `<wsu:Timestamp wsu:Id="Timestamp">${time('Created', p.created)}${time('Expires', p.expires)}</wsu:Timestamp>`;
  const assemble = (signature: string): Uint8Array => {
    const header = `${p.addressing}<wsse:Security>${timestamp}${signature}</wsse:Security>`;
    return utf8(envelopeXml(header, p.body, ' wsu:Id="Body"'));
  };
  // exclusive form doesn't depend on what stands around a part, so the digests hold once the signature is put in
  const unsigned = parseEnvelope(assemble(''));
  const [security] = unsigned.headers.slice(-1);
  const parts = [...unsigned.headers.slice(0, -1), childElements(security!)[0]!, unsigned.body];
  const bytes = assemble(createSignature(p.key, parts, p.attachments));
  if (bytes.length > xmlLimits.bytes) {
    throw new XdsError(
      { code: 'XDS_TOO_LARGE', what: 'envelope', maxBytes: xmlLimits.bytes },
      `an envelope of ${bytes.length} bytes, allowed are ${xmlLimits.bytes}`,
    );
  }
  return bytes;
}

function refused(reason: string): XdsError {
  return new XdsError({ code: 'XDS_SECURITY', reason }, `wsse:Security refused: ${reason}`);
}

function badTime(reason: string): XdsError {
  return new XdsError({ code: 'XDS_TIMESTAMP', reason }, `wsu:Timestamp refused: ${reason}`);
}
