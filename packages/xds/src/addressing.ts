/**
 * WS-Addressing 1.0 (W3C, core and SOAP binding) as ITI-43 over HTTP uses it: Action, MessageID, To, RelatesTo,
 * ReplyTo, FaultTo, From, each at most once. Answers go back on the same connection, so ReplyTo and FaultTo may be
 * missing or anonymous and nothing else. Every header of this namespace is signed (wsSecurity.ts).
 */
import { type RandomBytes, randomBytes as secureRandomBytes, toHex } from '@radpass/core';
import { escapeText } from './canonicalXml.js';
import { XdsError } from './errors.js';
import { attributeOf, childElements, isNamed, tokenOf, type XmlElement } from './xmlReader.js';
import type { SignedPart } from './xmlSignature.js';

export const wsaNamespace = 'http://www.w3.org/2005/08/addressing';
const anonymous = `${wsaNamespace}/anonymous`;
const reply = `${wsaNamespace}/reply`;
const known = ['Action', 'MessageID', 'To', 'RelatesTo', 'ReplyTo', 'FaultTo', 'From'];

/** What the signed wsa headers say; undefined = header absent. */
export interface Addressing {
  readonly action: string;
  readonly messageId: string | undefined;
  readonly to: string | undefined;
  readonly relatesTo: string | undefined;
}

/** Longest URI that a header may carry; message ids become keys of the replay store. */
const maxLength = { Action: 256, MessageID: 256, RelatesTo: 256, To: 512 } as const;

/**
 * Read the addressing headers of a verified message.
 * @throws XdsError XDS_ADDRESSING
 */
export function readAddressing(headers: readonly SignedPart[]): Addressing {
  return readUnsignedAddressing(headers.map(({ element }) => element));
}

/** The same of a message that nobody signed. */
export function readUnsignedAddressing(headers: readonly XmlElement[]): Addressing {
  const found = new Map<string, XmlElement>();
  for (const element of headers) {
    if (!known.includes(element.local)) throw refused(element.local, 'unknown');
    if (found.has(element.local)) throw refused(element.local, 'repeated');
    found.set(element.local, element);
  }
  const uri = (name: keyof typeof maxLength): string | undefined => {
    const element = found.get(name);
    return element === undefined ? undefined : readUri(element, name);
  };
  checkAnonymous(found.get('ReplyTo'));
  checkAnonymous(found.get('FaultTo'));
  const relatesTo = found.get('RelatesTo');
  if (relatesTo !== undefined && (attributeOf(relatesTo, '', 'RelationshipType') ?? reply) !== reply) {
    throw refused('RelatesTo', 'malformed');
  }
  const action = uri('Action');
  if (action === undefined) throw refused('Action', 'missing');
  return { action, messageId: uri('MessageID'), to: uri('To'), relatesTo: uri('RelatesTo') };
}

/** @throws XdsError XDS_ADDRESSING (missing) */
export function requireHeader(value: string | undefined, header: string): string {
  if (value === undefined) throw refused(header, 'missing');
  return value;
}

/** The MessageID that a message claims before anything is verified: only to name it in a fault. */
export function claimedMessageId(headers: readonly XmlElement[]): string | undefined {
  const [id, ...more] = headers.filter(header => isNamed(header, wsaNamespace, 'MessageID'));
  if (id === undefined || more.length > 0 || id.children.some(child => typeof child !== 'string')) return undefined;
  const text = tokenOf(id);
  return isUri(text, maxLength.MessageID) ? text : undefined;
}

function readUri(element: XmlElement, name: keyof typeof maxLength): string {
  const text = tokenOf(element);
  if (!isUri(text, maxLength[name])) throw refused(name, 'malformed');
  return text;
}

function isUri(text: string, max: number): boolean {
  return text.length <= max && /^[\x21-\x7e]+$/.test(text);
}

function checkAnonymous(endpoint: XmlElement | undefined): void {
  if (endpoint === undefined) return;
  const addresses = childElements(endpoint).filter(child => isNamed(child, wsaNamespace, 'Address'));
  if (addresses.length !== 1 || tokenOf(addresses[0]!) !== anonymous) throw refused(endpoint.local, 'not anonymous');
}

function refused(header: string, reason: 'missing' | 'repeated' | 'malformed' | 'not anonymous' | 'unknown'): XdsError {
  return new XdsError({ code: 'XDS_ADDRESSING', header, reason }, `wsa:${header} refused: ${reason}`);
}

/** A fresh `urn:uuid:` of version 4. */
export function createMessageId(random: RandomBytes = secureRandomBytes): string {
  const bytes = random(16).slice();
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The addressing headers of a message, each with a wsu:Id when it will be signed. Prefixes soap, wsa and wsu must be
 * declared around them.
 */
export function addressingXml(
  p: { action: string; messageId: string; to?: string; relatesTo?: string; replyTo?: 'anonymous' },
  form: 'signed' | 'unsigned' = 'signed',
): string {
  const id = (name: string): string => (form === 'signed' ? ` wsu:Id="${name}"` : '');
  const header = (name: string, value: string, attributes = ''): string =>
    `<wsa:${name}${id(name)}${attributes}>${escapeText(value)}</wsa:${name}>`;
  let xml = header('Action', p.action, ' soap:mustUnderstand="true"') + header('MessageID', p.messageId);
  if (p.to !== undefined) xml += header('To', p.to, ' soap:mustUnderstand="true"');
  if (p.relatesTo !== undefined) xml += header('RelatesTo', p.relatesTo);
  if (p.replyTo !== undefined) {
    xml += `<wsa:ReplyTo${id('ReplyTo')}><wsa:Address>${anonymous}</wsa:Address></wsa:ReplyTo>`;
  }
  return xml;
}
