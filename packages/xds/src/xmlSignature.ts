/**
 * XML Signature in one form only: Ed25519 (RFC 9231 section 2.3.12), SHA-256, exclusive c14n, the key as
 * dsig11:DEREncodedKeyValue. Everything else that XML Signature can say (HMAC, XPath, XSLT, external references,
 * objects, manifests, certificates) is refused by the grammar, not skipped.
 *
 * A pipeline of types: XmlElement -> LocatedSignature (its form is right, nothing is checked) -> VerifiedSignature
 * (holds SignedPart values, which only this file can make). Readers of signed values take a SignedPart, so unsigned
 * elements don't reach them. Nothing here returns a boolean.
 *
 * Form: Signature = SignedInfo, SignatureValue, KeyInfo; SignedInfo = CanonicalizationMethod, SignatureMethod,
 * Reference+; Reference to an element = URI "#id", one exclusive c14n transform; Reference to an attachment = URI
 * "cid:…", no transforms, the digest is the SHA-256 of the attachment's bytes.
 */
import {
  equalBytes,
  fromBase64,
  type PublicKey,
  parsePublicKey,
  type SecretKey,
  sha256,
  signSignedInfo,
  toBase64,
  utf8,
  type Verifier,
} from '@radpass/core';
import { canonicalize, escapeAttribute, exclusiveC14n } from './canonicalXml.js';
import { XdsError } from './errors.js';
import { attributeOf, childElements, isNamed, textOf, type XmlElement } from './xmlReader.js';

export const dsigNamespace = 'http://www.w3.org/2000/09/xmldsig#';
const dsig11Namespace = 'http://www.w3.org/2009/xmldsig11#';
export const ed25519Algorithm = 'http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519';
export const sha256Algorithm = 'http://www.w3.org/2001/04/xmlenc#sha256';
export const wsuNamespace = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';

/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 section 4) = these 12 bytes and the key's 32. */
const spkiPrefix = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);
const maxInclusivePrefixes = 32;

interface ElementReference {
  readonly id: string;
  readonly inclusivePrefixes: readonly string[];
  readonly digest: Uint8Array;
}

/** An attachment that a signature covers: the Content-ID without brackets, and the SHA-256 of its bytes. */
export interface SignedAttachment {
  readonly contentId: string;
  readonly sha256: Uint8Array;
}

/** A signature of the right form; nothing is verified, and `signer` is only what the message claims. */
export interface LocatedSignature {
  readonly signer: PublicKey;
  readonly signedInfo: Uint8Array;
  readonly value: Uint8Array;
  readonly elements: readonly ElementReference[];
  readonly attachments: readonly SignedAttachment[];
}

const seal: unique symbol = Symbol('verified');

/** An element that a verified signature covers, with all that it contains. Only `verifySignature` makes one. */
export class SignedPart {
  readonly element: XmlElement;
  constructor(_seal: typeof seal, element: XmlElement) {
    this.element = element;
  }
}

/** What a signature was found to cover. Only `verifySignature` makes one. */
export class VerifiedSignature {
  readonly signer: PublicKey;
  readonly attachments: readonly SignedAttachment[];
  readonly #parts: ReadonlyMap<XmlElement, SignedPart>;
  constructor(_seal: typeof seal, located: LocatedSignature, parts: ReadonlyMap<XmlElement, SignedPart>) {
    this.signer = located.signer;
    this.attachments = located.attachments;
    this.#parts = parts;
  }

  /** The signed form of one of the elements that were required. @throws XdsError XDS_REFERENCE if it is not signed */
  part(element: XmlElement): SignedPart {
    const part = this.#parts.get(element);
    if (part === undefined) throw reference('an element that is not signed');
    return part;
  }
}

/**
 * Read a ds:Signature element, holding it to this profile's one form.
 * @throws XdsError XDS_SIGNATURE_FORM, XDS_ALGORITHM, XDS_REFERENCE, XDS_XML
 */
export function locateSignature(element: XmlElement): LocatedSignature {
  if (!isNamed(element, dsigNamespace, 'Signature')) throw form('no ds:Signature');
  allowAttributes(element, 'Id');
  const [signedInfo, value, keyInfo] = children(element, 'SignedInfo', 'SignatureValue', 'KeyInfo');
  allowAttributes(signedInfo!, 'Id');
  allowAttributes(value!, 'Id');
  const [c14nMethod, signatureMethod, ...references] = childElements(signedInfo!);
  if (!isNamed(c14nMethod, dsigNamespace, 'CanonicalizationMethod')) throw form('no CanonicalizationMethod first');
  if (!isNamed(signatureMethod, dsigNamespace, 'SignatureMethod')) throw form('no SignatureMethod second');
  const inclusivePrefixes = readC14n(c14nMethod, 'CanonicalizationMethod');
  readAlgorithm(signatureMethod, ed25519Algorithm, 'SignatureMethod');
  if (references.length === 0) throw form('no Reference');
  const elements: ElementReference[] = [];
  const attachments: SignedAttachment[] = [];
  for (const entry of references) readReference(entry, elements, attachments);
  return {
    signer: readKey(keyInfo!),
    signedInfo: utf8(canonicalize(signedInfo!, inclusivePrefixes)),
    value: decodeBytes(value!, 64),
    elements,
    attachments,
  };
}

function readReference(entry: XmlElement, elements: ElementReference[], attachments: SignedAttachment[]): void {
  if (!isNamed(entry, dsigNamespace, 'Reference')) throw form('something else among the references');
  allowAttributes(entry, 'Id', 'URI');
  const uri = attributeOf(entry, '', 'URI') ?? '';
  if (uri.startsWith('cid:') && uri.length > 4) {
    const [method, value] = children(entry, 'DigestMethod', 'DigestValue');
    readAlgorithm(method!, sha256Algorithm, 'DigestMethod');
    const contentId = decodeContentId(uri.slice(4));
    if (attachments.some(a => a.contentId === contentId)) throw reference('two references to one attachment');
    attachments.push({ contentId, sha256: decodeBytes(value!, 32) });
    return;
  }
  if (!/^#[A-Za-z_][A-Za-z0-9._-]*$/.test(uri)) throw reference('a reference to something outside the message');
  const [transforms, method, value] = children(entry, 'Transforms', 'DigestMethod', 'DigestValue');
  allowAttributes(transforms!);
  const [transform] = children(transforms!, 'Transform');
  const inclusivePrefixes = readC14n(transform!, 'Transform');
  readAlgorithm(method!, sha256Algorithm, 'DigestMethod');
  elements.push({ id: uri.slice(1), inclusivePrefixes, digest: decodeBytes(value!, 32) });
}

/**
 * Verify a signature over exactly the elements of `required`, no more and no fewer, each named by its wsu:Id.
 * Digests are computed over the very elements that are handed back. Ids are unique in the document (`readXml`).
 *
 * @param attachments - whether cid: references may stand beside them
 * @throws XdsError XDS_REFERENCE, XDS_REFERENCE_DIGEST, XDS_SIGNATURE
 */
export function verifySignature(
  located: LocatedSignature,
  required: readonly XmlElement[],
  options: { verifier: Verifier; attachments: 'allowed' | 'refused' },
): VerifiedSignature {
  const open = new Map<string, XmlElement>();
  for (const element of required) {
    const id = attributeOf(element, wsuNamespace, 'Id');
    if (id === undefined) throw reference(`${element.local} is not signed`);
    open.set(id, element);
  }
  if (options.attachments === 'refused' && located.attachments.length > 0) {
    throw reference('a reference to an attachment');
  }
  const parts = new Map<XmlElement, SignedPart>();
  for (const { id, inclusivePrefixes, digest } of located.elements) {
    const element = open.get(id);
    if (element === undefined) throw reference('a reference to something else, or twice to one element');
    open.delete(id);
    if (!equalBytes(sha256(utf8(canonicalize(element, inclusivePrefixes))), digest)) {
      throw new XdsError({ code: 'XDS_REFERENCE_DIGEST', part: element.local }, `${element.local} was changed`);
    }
    parts.set(element, new SignedPart(seal, element));
  }
  for (const element of open.values()) throw reference(`${element.local} is not signed`);
  // Policy for loose messages: native code's refusals stand, so that a crafted signature costs no slow check.
  if (!options.verifier.verifyStrict(located.value, located.signedInfo, located.signer)) {
    throw new XdsError({ code: 'XDS_SIGNATURE' }, 'the signature does not verify under the key in the message');
  }
  return new VerifiedSignature(seal, located, parts);
}

/**
 * Make the ds:Signature element over `parts`, each of which carries a wsu:Id, and `attachments`.
 * @param parts - elements of a tree parsed from the text in which the signature will stand
 */
export function createSignature(
  key: SecretKey,
  parts: readonly XmlElement[],
  attachments: readonly SignedAttachment[] = [],
): string {
  const digestOf = (digest: Uint8Array): string =>
    `${empty('DigestMethod', sha256Algorithm)}<ds:DigestValue>${toBase64(digest)}</ds:DigestValue>`;
  let content = empty('CanonicalizationMethod', exclusiveC14n) + empty('SignatureMethod', ed25519Algorithm);
  for (const part of parts) {
    const id = attributeOf(part, wsuNamespace, 'Id');
    if (id === undefined) throw new TypeError(`${part.local} has no wsu:Id`);
    content +=
      `<ds:Reference URI="#${escapeAttribute(id)}"><ds:Transforms>${empty('Transform', exclusiveC14n)}</ds:Transforms>` +
      `${digestOf(sha256(utf8(canonicalize(part))))}</ds:Reference>`;
  }
  for (const { contentId, sha256: digest } of attachments) {
    content += `<ds:Reference URI="cid:${escapeAttribute(contentId)}">${digestOf(digest)}</ds:Reference>`;
  }
  // `content` is canonical as written; on its own, SignedInfo also renders the prefix that Signature declares.
  const canonical = `<ds:SignedInfo xmlns:ds="${dsigNamespace}">${content}</ds:SignedInfo>`;
  const value = toBase64(signSignedInfo(key, utf8(canonical)));
  const spki = new Uint8Array(44);
  spki.set(spkiPrefix);
  spki.set(key.publicKey, spkiPrefix.length);
  return (
    `<ds:Signature xmlns:ds="${dsigNamespace}"><ds:SignedInfo>${content}</ds:SignedInfo>` +
    `<ds:SignatureValue>${value}</ds:SignatureValue><ds:KeyInfo>` +
    `<dsig11:DEREncodedKeyValue xmlns:dsig11="${dsig11Namespace}">${toBase64(spki)}</dsig11:DEREncodedKeyValue>` +
    '</ds:KeyInfo></ds:Signature>'
  );
}

function empty(local: string, algorithm: string): string {
  return `<ds:${local} Algorithm="${algorithm}"></ds:${local}>`;
}

/** A cid URL's address with its percent-encoding undone (RFC 2392). @throws XdsError XDS_REFERENCE */
export function decodeContentId(address: string): string {
  const decoded = address.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  if (!/^[\x21-\x7e]{1,256}$/.test(decoded) || /[<>"]/.test(decoded)) throw reference('a malformed cid');
  return decoded;
}

/** Exactly these children of namespace ds, in this order. */
function children(parent: XmlElement, ...names: string[]): XmlElement[] {
  const found = childElements(parent);
  if (found.length !== names.length || !names.every((name, i) => isNamed(found[i], dsigNamespace, name))) {
    throw form(`${parent.local} is not exactly ${names.join(', ')}`);
  }
  return found;
}

function allowAttributes(element: XmlElement, ...names: string[]): void {
  for (const { uri, local } of element.attributes) {
    if (uri !== '' || !names.includes(local)) throw form(`an attribute of ${element.local} that has no place there`);
  }
}

function readAlgorithm(element: XmlElement, allowed: string, where: string): void {
  checkAlgorithm(element, allowed, where);
  if (element.children.length > 0 && childElements(element).length > 0) throw form(`${where} has parameters`);
}

function checkAlgorithm(element: XmlElement, allowed: string, where: string): void {
  allowAttributes(element, 'Algorithm');
  if (attributeOf(element, '', 'Algorithm') !== allowed) {
    throw new XdsError({ code: 'XDS_ALGORITHM', where }, `${where} is not ${allowed}`);
  }
}

/** Exclusive c14n, whose one parameter is InclusiveNamespaces. @returns the PrefixList, '' for #default */
function readC14n(element: XmlElement, where: string): string[] {
  checkAlgorithm(element, exclusiveC14n, where);
  const [parameter, ...more] = childElements(element);
  if (parameter === undefined) return [];
  if (!isNamed(parameter, exclusiveC14n, 'InclusiveNamespaces') || more.length > 0) {
    throw form(`${where} has other parameters than InclusiveNamespaces`);
  }
  allowAttributes(parameter, 'PrefixList');
  if (parameter.children.length > 0 && childElements(parameter).length > 0)
    throw form('InclusiveNamespaces is not empty');
  const list = (attributeOf(parameter, '', 'PrefixList') ?? '').split(/[\t\n\r ]+/).filter(prefix => prefix !== '');
  if (list.length > maxInclusivePrefixes) throw form(`a PrefixList of more than ${maxInclusivePrefixes} prefixes`);
  return list.map(prefix => (prefix === '#default' ? '' : prefix));
}

function readKey(keyInfo: XmlElement): PublicKey {
  allowAttributes(keyInfo, 'Id');
  const [encoded, ...more] = childElements(keyInfo);
  if (!isNamed(encoded, dsig11Namespace, 'DEREncodedKeyValue') || more.length > 0) {
    throw form('KeyInfo is not exactly one DEREncodedKeyValue');
  }
  allowAttributes(encoded, 'Id');
  const der = decodeBytes(encoded, 44);
  if (!equalBytes(der.subarray(0, spkiPrefix.length), spkiPrefix)) throw form('the key is no Ed25519 key');
  try {
    return parsePublicKey(der.subarray(spkiPrefix.length));
  } catch (cause) {
    throw new XdsError({ code: 'XDS_SIGNATURE_FORM', reason: 'the key is not acceptable' }, 'refused public key', {
      cause,
    });
  }
}

/** base64 as other writers break it: line ends (also as &#xD;) anywhere, otherwise strict. */
function decodeBytes(element: XmlElement, length: number): Uint8Array {
  const text = textOf(element).replace(/[\t\n\r ]+/g, '');
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(text);
  } catch (cause) {
    throw new XdsError(
      { code: 'XDS_SIGNATURE_FORM', reason: `${element.local} is no base64` },
      `${element.local} is no base64`,
      { cause },
    );
  }
  if (bytes.length !== length) throw form(`${element.local} has ${bytes.length} bytes, expected ${length}`);
  return bytes;
}

function form(reason: string): XdsError {
  return new XdsError({ code: 'XDS_SIGNATURE_FORM', reason }, `signature refused: ${reason}`);
}

function reference(reason: string): XdsError {
  return new XdsError({ code: 'XDS_REFERENCE', reason }, `signature refused: ${reason}`);
}
