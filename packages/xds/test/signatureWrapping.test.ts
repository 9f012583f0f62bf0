/** Signature wrapping, confusion and parser differentials: every one refused, each for the reason it should be. */
import { describe, expect, it } from '@jest/globals';
import { nobleVerifier, utf8 } from '@radpass/core';
import { parseRequest, verifyRequest } from '../dist/index.js';
import {
  attacker,
  cut,
  type Draft,
  documentUniqueId,
  draft,
  drafted,
  ns,
  refusal,
  replaceOnce,
  requester,
  requestText,
  soapType,
  spki,
  to,
  verifyText,
} from './messages.js';

const valid = requestText();
const body = cut(valid, 'soap:Body');
const timestamp = cut(valid, 'wsu:Timestamp');
const signature = cut(valid, 'ds:Signature');
const security = cut(valid, 'wsse:Security');
const toHeader = cut(valid, 'wsa:To');
const messageId = cut(valid, 'wsa:MessageID');
const otherDocument = '0'.repeat(64);
const evilContent = drafted.content.replace(documentUniqueId, otherDocument);
const evilBody = `<soap:Body>${evilContent}</soap:Body>`;
const freshTimestamp = timestamp.replace(/2027/g, '2028');
const change = (from: string | RegExp, by: string): string => replaceOnce(valid, from, by);
const insertHeader = (xml: string, header: string): string =>
  replaceOnce(xml, '<soap:Header>', `<soap:Header>${header}`);
const wrapper = (content: string): string => `<x:w xmlns:x="urn:x">${content}</x:w>`;

/** Messages that were validly signed, and then rearranged or edited. */
const rearranged: [string, string, string][] = [
  [
    'the signed Body in a header, another Body unsigned',
    insertHeader(change(body, evilBody), wrapper(body)),
    'XDS_REFERENCE',
  ],
  [
    'the signed Body in a header, another Body with an id of its own',
    insertHeader(change(body, evilBody.replace('<soap:Body>', '<soap:Body wsu:Id="other">')), wrapper(body)),
    'XDS_REFERENCE',
  ],
  [
    'the signed Body in a header, another Body with the same id',
    insertHeader(change(body, evilBody.replace('<soap:Body>', '<soap:Body wsu:Id="Body">')), wrapper(body)),
    'XDS_XML',
  ],
  [
    'the same id as an attribute without namespace',
    insertHeader(change(body, evilBody.replace('<soap:Body>', '<soap:Body Id="Body">')), wrapper(body)),
    'XDS_XML',
  ],
  [
    'the same id as xml:id',
    insertHeader(change(body, evilBody.replace('<soap:Body>', '<soap:Body xml:id="Body">')), wrapper(body)),
    'XDS_XML',
  ],
  [
    'the same id as ID in capitals',
    insertHeader(change(body, evilBody.replace('<soap:Body>', '<soap:Body ID="Body">')), wrapper(body)),
    'XDS_XML',
  ],
  ['a second Body after the signed one', change(body, body + evilBody), 'XDS_SOAP'],
  ['a second Body before the signed one', change(body, evilBody + body), 'XDS_SOAP'],
  ['a second Header', change(body, `<soap:Header>${wrapper('')}</soap:Header>${body}`), 'XDS_SOAP'],
  ['Body before Header', replaceOnce(change(body, ''), '<soap:Header>', `${body}<soap:Header>`), 'XDS_SOAP'],
  ['an element after Body', change(body, body + wrapper('')), 'XDS_SOAP'],
  [
    'the whole envelope inside a header of another',
    `<soap:Envelope xmlns:soap="${ns.soap}"><soap:Header>${valid.replace(/^<\?xml.*?\?>/, '')}</soap:Header>${evilBody}</soap:Envelope>`,
    'XDS_SECURITY',
  ],
  [
    'the envelope inside another root',
    `<x:r xmlns:x="urn:x">${valid.replace(/^<\?xml.*?\?>/, '')}</x:r>`,
    'XDS_SOAP_VERSION',
  ],
  [
    'the signed Body inside ds:Object',
    replaceOnce(change(body, evilBody), '</ds:Signature>', `<ds:Object>${body}</ds:Object></ds:Signature>`),
    'XDS_SIGNATURE_FORM',
  ],
  [
    'the signed Body inside KeyInfo',
    replaceOnce(change(body, evilBody), '</ds:KeyInfo>', `${body}</ds:KeyInfo>`),
    'XDS_SIGNATURE_FORM',
  ],
  [
    'the signed Body beside the signature',
    replaceOnce(change(body, evilBody), '</wsse:Security>', `${wrapper(body)}</wsse:Security>`),
    'XDS_SECURITY',
  ],
  ['the signed Body inside another Body', change(body, `<soap:Body>${wrapper(body)}</soap:Body>`), 'XDS_REFERENCE'],
  ['a second element in the signed Body', change('</soap:Body>', `${evilContent}</soap:Body>`), 'XDS_SOAP'],
  ['another document in the signed Body', change(documentUniqueId, otherDocument), 'XDS_REFERENCE_DIGEST'],
  [
    'the Timestamp in a wrapper, a fresh one unsigned',
    insertHeader(change(timestamp, freshTimestamp.replace(' wsu:Id="Timestamp"', '')), wrapper(timestamp)),
    'XDS_REFERENCE',
  ],
  [
    'a second Timestamp',
    change(timestamp, timestamp + freshTimestamp.replace(' wsu:Id="Timestamp"', '')),
    'XDS_SECURITY',
  ],
  ['no Timestamp', change(timestamp, ''), 'XDS_SECURITY'],
  ['another time in the Timestamp', change(timestamp, freshTimestamp), 'XDS_REFERENCE_DIGEST'],
  [
    'To in a wrapper, another one unsigned',
    insertHeader(change(toHeader, '<wsa:To>https://other.example/</wsa:To>'), wrapper(toHeader)),
    'XDS_REFERENCE',
  ],
  ['a second To, unsigned', change(toHeader, `${toHeader}<wsa:To>https://other.example/</wsa:To>`), 'XDS_REFERENCE'],
  ['To removed', change(toHeader, ''), 'XDS_REFERENCE'],
  [
    'an unsigned FaultTo',
    change(toHeader, `${toHeader}<wsa:FaultTo><wsa:Address>https://other.example/</wsa:Address></wsa:FaultTo>`),
    'XDS_REFERENCE',
  ],
  ['an unsigned RelatesTo', change(toHeader, `${toHeader}<wsa:RelatesTo>urn:x</wsa:RelatesTo>`), 'XDS_REFERENCE'],
  ['another MessageID', change(messageId, messageId.replace('urn:uuid:', 'urn:uuid:f')), 'XDS_REFERENCE_DIGEST'],
  [
    'MessageID moved out of its namespace',
    change(
      messageId,
      messageId
        .replaceAll('wsa:MessageID', 'x:MessageID')
        .replace('<x:', '<x:')
        .replace(' wsu:Id', ' xmlns:x="urn:x" wsu:Id'),
    ),
    'XDS_REFERENCE',
  ],
  [
    'mustUnderstand taken off a signed header',
    change('wsu:Id="To" soap:mustUnderstand="true"', 'wsu:Id="To"'),
    'XDS_REFERENCE_DIGEST',
  ],
  [
    'a second Security header with a signature of its own',
    change(security, security + cut(draft({ key: attacker }), 'wsse:Security')),
    'XDS_SECURITY',
  ],
  ['two signatures in one Security header', change(signature, signature + signature), 'XDS_SECURITY'],
  ['no signature', change(signature, ''), 'XDS_SECURITY'],
  ['no Security header', change(security, ''), 'XDS_SECURITY'],
  [
    'Security for another role',
    change('<wsse:Security>', `<wsse:Security soap:role="${ns.soap}/role/next">`),
    'XDS_SOAP',
  ],
  ['a signature out of a wrapper', change(signature, wrapper(signature)), 'XDS_SIGNATURE_FORM'],
  [
    'a prefix bound to another namespace on the Body',
    change('<soap:Body ', '<soap:Body xmlns:wsu="urn:x" '),
    'XDS_REFERENCE',
  ],
  [
    'the Body in the namespace of SOAP 1.1',
    change(
      body,
      body
        .replaceAll('soap:Body', 's:Body')
        .replace('<s:Body', '<s:Body xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'),
    ),
    'XDS_SOAP',
  ],
  [
    'an envelope of SOAP 1.1',
    valid.replace(`xmlns:soap="${ns.soap}"`, 'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'),
    'XDS_SOAP_VERSION',
  ],
  [
    "another signer's key with the old signature",
    change(spki(requester.publicKey), spki(attacker.publicKey)),
    'XDS_SIGNATURE',
  ],
  ['white space within SignedInfo', change('<ds:SignatureMethod', ' <ds:SignatureMethod'), 'XDS_SIGNATURE'],
  ['an attribute within SignedInfo', change('<ds:SignedInfo>', '<ds:SignedInfo Id="si">'), 'XDS_SIGNATURE'],
  [
    'a header that must be understood',
    insertHeader(valid, '<x:w xmlns:x="urn:x" soap:mustUnderstand="1"/>'),
    'XDS_MUST_UNDERSTAND',
  ],
];

/** What different parsers read differently. */
const differentials: [string, string | Uint8Array, string][] = [
  [
    'a comment within an identifier',
    change(documentUniqueId, `${documentUniqueId.slice(0, 9)}<!-- x -->${documentUniqueId.slice(9)}`),
    'XDS_XML',
  ],
  [
    'a processing instruction within an identifier',
    change(documentUniqueId, `${documentUniqueId.slice(0, 9)}<?x bb?>${documentUniqueId.slice(9)}`),
    'XDS_XML',
  ],
  [
    'an element within an identifier',
    change(documentUniqueId, `${documentUniqueId.slice(0, 9)}<x/>${documentUniqueId.slice(9)}`),
    'XDS_REFERENCE_DIGEST',
  ],
  ['a comment within the digest', change('<ds:SignatureValue>', '<ds:SignatureValue><!---->'), 'XDS_XML'],
  [
    'a processing instruction before the root',
    `<?xml-stylesheet href="x"?>${valid.replace(/^<\?xml.*?\?>/, '')}`,
    'XDS_XML',
  ],
  ['a document type', valid.replace('?>', '?><!DOCTYPE soap:Envelope>'), 'XDS_XML'],
  ['an entity', valid.replace('?>', '?><!DOCTYPE x [<!ENTITY e "aa">]>').replace(documentUniqueId, '&e;'), 'XDS_XML'],
  [
    'a default attribute from a DTD',
    valid.replace('?>', '?><!DOCTYPE x [<!ATTLIST soap:Body wsu:Id CDATA "Body">]>'),
    'XDS_XML',
  ],
  ['an undefined entity', change(documentUniqueId, '&constructor;'), 'XDS_XML'],
  ['an entity named as a prototype', change(documentUniqueId, '&__proto__;'), 'XDS_XML'],
  ['a null character by reference', change(documentUniqueId, `${documentUniqueId}&#0;`), 'XDS_XML'],
  ['a lone surrogate by reference', change(documentUniqueId, `${documentUniqueId}&#xD800;`), 'XDS_XML'],
  ['XML 1.1', change('version="1.0"', 'version="1.1"'), 'XDS_XML'],
  ['another encoding', change('encoding="UTF-8"', 'encoding="ISO-8859-1"'), 'XDS_XML'],
  ['UTF-16', Buffer.from(`\ufeff${valid}`, 'utf16le'), 'XDS_XML'],
  [
    'an overlong UTF-8 sequence',
    Buffer.concat([Buffer.from(valid.slice(0, -20)), Buffer.from([0xc0, 0xbc]), Buffer.from(valid.slice(-20))]),
    'XDS_XML',
  ],
  ['two byte order marks', `\ufeff\ufeff${valid}`, 'XDS_XML'],
  ['text after the root', `${valid}x`, 'XDS_XML'],
  ['a second root', `${valid}<x/>`, 'XDS_XML'],
  [
    'a namespace name with white space to trim',
    valid.replace(`xmlns:wsu="${ns.wsu}"`, `xmlns:wsu=" ${ns.wsu}"`),
    'XDS_XML',
  ],
  [
    'a namespace name with a non-ASCII space to trim',
    valid.replace(`xmlns:wsu="${ns.wsu}"`, `xmlns:wsu="${ns.wsu}\u00a0"`),
    'XDS_XML',
  ],
  [
    'a namespace name that canonicalizers escape differently',
    change('<soap:Body ', '<soap:Body xmlns:x="a&amp;b" '),
    'XDS_XML',
  ],
  ['an empty prefix declaration', change('<soap:Body ', '<soap:Body xmlns:x="" '), 'XDS_XML'],
  [
    'the xml prefix declared',
    change('<soap:Body ', '<soap:Body xmlns:xml="http://www.w3.org/XML/1998/namespace" '),
    'XDS_XML',
  ],
  ['an undeclared prefix', change('<soap:Body ', '<soap:Body x:y="" '), 'XDS_XML'],
  ['one attribute twice', change('<soap:Body wsu:Id="Body"', '<soap:Body wsu:Id="Body" wsu:Id="Body2"'), 'XDS_XML'],
  [
    'one attribute twice by two prefixes',
    change('<soap:Body wsu:Id="Body"', `<soap:Body xmlns:v="${ns.wsu}" v:Id="Body2" wsu:Id="Body"`),
    'XDS_XML',
  ],
  ['a local name that begins with a digit', change('<soap:Body ', '<soap:Body soap:1a="" '), 'XDS_XML'],
  ['a name beyond ASCII', insertHeader(valid, '<\u00e9/>'), 'XDS_XML'],
  ['text between the parts of an envelope', change('</soap:Header>', '</soap:Header>x'), 'XDS_XML'],
  ['text between the parts of SignedInfo', change('<ds:SignatureMethod', 'x<ds:SignatureMethod'), 'XDS_XML'],
];

/** True signatures by their signer, over something that is not this profile. */
const confused: [string, Partial<Draft> | string, string][] = [
  ['Body not signed', { signed: ['a', 'm', 't', 'ts'] }, 'XDS_REFERENCE'],
  ['Timestamp not signed', { signed: ['a', 'm', 't', 'b'] }, 'XDS_REFERENCE'],
  ['To not signed', { signed: ['a', 'm', 'ts', 'b'] }, 'XDS_REFERENCE'],
  ['Body referenced twice instead of To', { signed: ['a', 'm', 'b', 'ts', 'b'] }, 'XDS_REFERENCE'],
  ['a reference twice', { signed: ['a', 'm', 't', 'ts', 'b', 'b'] }, 'XDS_REFERENCE'],
  [
    'a reference to an element that need not be signed',
    { headers: `${drafted.headers}<x:w xmlns:x="urn:x" wsu:Id="w"/>`, signed: ['a', 'm', 't', 'ts', 'b', 'w'] },
    'XDS_REFERENCE',
  ],
  [
    'a reference to a part of the Body',
    {
      body: `<soap:Body>${drafted.content.replace('<ihe:Ret', '<ihe:Ret').replace(' xmlns:ihe', ' wsu:Id="b" xmlns:ihe')}</soap:Body>`,
    },
    'XDS_REFERENCE',
  ],
  [
    'ids without the wsu namespace',
    { body: `<soap:Body wsu:Id="b" Id="c">${drafted.content}</soap:Body>`, signedInfo: t => t.replace('#b', '#c') },
    'XDS_REFERENCE',
  ],
  ['no references', { signed: [] }, 'XDS_SIGNATURE_FORM'],
  ['a reference to the whole document', { signedInfo: t => t.replace('URI="#b"', 'URI=""') }, 'XDS_REFERENCE'],
  ['a reference without URI', { signedInfo: t => t.replace(' URI="#b"', '') }, 'XDS_REFERENCE'],
  ['an XPointer', { signedInfo: t => t.replace('#b', "#xpointer(id('b'))") }, 'XDS_REFERENCE'],
  ['a percent-encoded id', { signedInfo: t => t.replace('#b', '#%62') }, 'XDS_REFERENCE'],
  ['a reference over http', { signedInfo: t => t.replace('#b', 'http://127.0.0.1/x') }, 'XDS_REFERENCE'],
  ['a reference to a file', { signedInfo: t => t.replace('#b', 'file:///etc/passwd') }, 'XDS_REFERENCE'],
  [
    'a cid reference in a request',
    {
      signedInfo: t =>
        t.replace(
          '</ds:SignedInfo>',
          `<ds:Reference URI="cid:a@b"><ds:DigestMethod Algorithm="${ns.sha256}"/><ds:DigestValue>${'A'.repeat(43)}=</ds:DigestValue></ds:Reference></ds:SignedInfo>`,
        ),
    },
    'XDS_REFERENCE',
  ],
  ['a cid reference with transforms', { signedInfo: t => t.replace('URI="#b"', 'URI="cid:b"') }, 'XDS_SIGNATURE_FORM'],
  [
    'a Type on a reference',
    { signedInfo: t => t.replace('URI="#b"', `URI="#b" Type="${ns.ds}Manifest"`) },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'no transform',
    { signedInfo: t => t.replace(`<ds:Transforms><ds:Transform Algorithm="${ns.c14n}"/></ds:Transforms>`, '') },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'two transforms',
    { signedInfo: t => t.replace('<ds:Transforms>', `<ds:Transforms><ds:Transform Algorithm="${ns.c14n}"/>`) },
    'XDS_SIGNATURE_FORM',
  ],
  ...[
    'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
    'http://www.w3.org/2000/09/xmldsig#base64',
    'http://www.w3.org/TR/1999/REC-xslt-19991116',
    'http://www.w3.org/TR/1999/REC-xpath-19991116',
    'http://www.w3.org/2002/06/xmldsig-filter2',
    'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
    `${ns.c14n}WithComments`,
    'http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform',
  ].map((algorithm): [string, Partial<Draft>, string] => [
    `transform ${algorithm}`,
    { signedInfo: t => t.replace(`<ds:Transform Algorithm="${ns.c14n}"`, `<ds:Transform Algorithm="${algorithm}"`) },
    'XDS_ALGORITHM',
  ]),
  ...[
    'http://www.w3.org/2000/09/xmldsig#hmac-sha1',
    'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256',
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
    'http://www.w3.org/2000/09/xmldsig#dsa-sha1',
    'http://www.w3.org/2021/04/xmldsig-more#eddsa-ed448',
    'http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519ph',
    '',
  ].map((algorithm): [string, Partial<Draft>, string] => [
    `signature method "${algorithm}"`,
    { signedInfo: t => t.replace(ns.ed25519, algorithm) },
    'XDS_ALGORITHM',
  ]),
  ...[
    'http://www.w3.org/2000/09/xmldsig#sha1',
    'http://www.w3.org/2001/04/xmldsig-more#md5',
    'http://www.w3.org/2001/04/xmlenc#sha512',
    '',
  ].map((algorithm): [string, Partial<Draft>, string] => [
    `digest "${algorithm}"`,
    { signedInfo: t => t.replace(ns.sha256, algorithm) },
    'XDS_ALGORITHM',
  ]),
  [
    'another c14n of SignedInfo',
    {
      signedInfo: t =>
        t.replace(
          `<ds:CanonicalizationMethod Algorithm="${ns.c14n}"`,
          `<ds:CanonicalizationMethod Algorithm="${ns.c14n}WithComments"`,
        ),
    },
    'XDS_ALGORITHM',
  ],
  [
    'a truncated HMAC',
    {
      signedInfo: t =>
        t.replace(
          `"${ns.ed25519}"/>`,
          `"${ns.ed25519}"><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>`,
        ),
    },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a parameter of the digest',
    { signedInfo: t => t.replace(`"${ns.sha256}"/>`, `"${ns.sha256}"><x/></ds:DigestMethod>`) },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a PrefixList bomb',
    {
      signedInfo: t =>
        t.replace(
          `<ds:Transform Algorithm="${ns.c14n}"/>`,
          `<ds:Transform Algorithm="${ns.c14n}"><e:InclusiveNamespaces xmlns:e="${ns.c14n}" PrefixList="${'a '.repeat(33)}"/></ds:Transform>`,
        ),
    },
    'XDS_SIGNATURE_FORM',
  ],
  ['a short digest', { signedInfo: t => t.replace(/(<ds:DigestValue>)[^<]+/, '$1AAAA') }, 'XDS_SIGNATURE_FORM'],
  [
    'two keys',
    { signature: t => t.replace(/(<dsig11:.*?<\/dsig11:DEREncodedKeyValue>)/, '$1$1') },
    'XDS_SIGNATURE_FORM',
  ],
  ['no key', { signature: t => t.replace(/<dsig11:.*?<\/dsig11:DEREncodedKeyValue>/, '') }, 'XDS_SIGNATURE_FORM'],
  ['no KeyInfo', { signature: t => t.replace(/<ds:KeyInfo>.*<\/ds:KeyInfo>/, '') }, 'XDS_SIGNATURE_FORM'],
  [
    'a key by name',
    { signature: t => t.replace(/<dsig11:.*?<\/dsig11:DEREncodedKeyValue>/, '<ds:KeyName>k</ds:KeyName>') },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a key to be fetched',
    {
      signature: t =>
        t.replace(/<dsig11:.*?<\/dsig11:DEREncodedKeyValue>/, '<ds:RetrievalMethod URI="http://127.0.0.1/"/>'),
    },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a certificate',
    { signature: t => t.replace(/<dsig11:.*?<\/dsig11:DEREncodedKeyValue>/, '<ds:X509Data/>') },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a key for X25519',
    { signature: t => t.replace(spki(requester.publicKey), spki(requester.publicKey, '302a300506032b656e032100')) },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a key with bytes after it',
    {
      signature: t =>
        t.replace(spki(requester.publicKey), spki(Buffer.concat([requester.publicKey, Buffer.from([0])]))),
    },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a key of small order',
    { signature: t => t.replace(spki(requester.publicKey), spki(Uint8Array.of(1, ...new Uint8Array(31)))) },
    'XDS_SIGNATURE_FORM',
  ],
  ['a key that is no base64', { signature: t => t.replace(spki(requester.publicKey), '!') }, 'XDS_SIGNATURE_FORM'],
  [
    'a signature of zeros',
    { signature: t => t.replace(/(<ds:SignatureValue>)[^<]+/, `$1${'A'.repeat(86)}==`) },
    'XDS_SIGNATURE',
  ],
  [
    'a signature with S + L',
    {
      signature: t => t.replace(/(<ds:SignatureValue>)([^<]+)/, (_, tag: string, value: string) => tag + plusL(value)),
    },
    'XDS_SIGNATURE',
  ],
  ['a short signature', { signature: t => t.replace(/(<ds:SignatureValue>)[^<]+/, '$1AAAA') }, 'XDS_SIGNATURE_FORM'],
  [
    'a signature that is no canonical base64',
    { signature: t => t.replace(/(<ds:SignatureValue>[^<]{85})[^<]==/, '$1/==') },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'SignatureValue before SignedInfo',
    {
      signature: t =>
        t.replace(/(<ds:SignedInfo.*<\/ds:SignedInfo>)(<ds:SignatureValue>.*?<\/ds:SignatureValue>)/, '$2$1'),
    },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'two SignedInfos',
    { signature: t => t.replace(/(<ds:SignedInfo.*<\/ds:SignedInfo>)/, '$1$1') },
    'XDS_SIGNATURE_FORM',
  ],
  [
    'a ReplyTo that is not anonymous',
    {
      headers: `${drafted.headers}<wsa:ReplyTo wsu:Id="r"><wsa:Address>https://other.example/</wsa:Address></wsa:ReplyTo>`,
      signed: ['a', 'm', 't', 'ts', 'b', 'r'],
    },
    'XDS_ADDRESSING',
  ],
  [
    'a FaultTo that is not anonymous',
    {
      headers: `${drafted.headers}<wsa:FaultTo wsu:Id="r"><wsa:Address>https://other.example/</wsa:Address></wsa:FaultTo>`,
      signed: ['a', 'm', 't', 'ts', 'b', 'r'],
    },
    'XDS_ADDRESSING',
  ],
  [
    'two signed To headers',
    {
      headers: `${drafted.headers}<wsa:To wsu:Id="r">https://other.example/</wsa:To>`,
      signed: ['a', 'm', 't', 'ts', 'b', 'r'],
    },
    'XDS_ADDRESSING',
  ],
  [
    'an unknown wsa header',
    { headers: `${drafted.headers}<wsa:Next wsu:Id="r"/>`, signed: ['a', 'm', 't', 'ts', 'b', 'r'] },
    'XDS_ADDRESSING',
  ],
  [
    'no MessageID',
    { headers: drafted.headers.replace(/<wsa:MessageID.*<\/wsa:MessageID>/, ''), signed: ['a', 't', 'ts', 'b'] },
    'XDS_ADDRESSING',
  ],
  [
    'no To',
    { headers: drafted.headers.replace(/<wsa:To.*<\/wsa:To>/, ''), signed: ['a', 'm', 'ts', 'b'] },
    'XDS_ADDRESSING',
  ],
  [
    'no Action',
    { headers: drafted.headers.replace(/<wsa:Action.*<\/wsa:Action>/, ''), signed: ['m', 't', 'ts', 'b'] },
    'XDS_ADDRESSING',
  ],
  [
    'a MessageID too long to keep',
    { headers: drafted.headers.replace('urn:uuid:', `urn:${'x'.repeat(250)}`) },
    'XDS_ADDRESSING',
  ],
  [
    "another transaction's action",
    { headers: drafted.headers.replace('2007:RetrieveDocumentSet', '2007:ProvideAndRegisterDocumentSet-b') },
    'XDS_ACTION',
  ],
  ["an answer's action", { headers: drafted.headers.replace('DocumentSet<', 'DocumentSetResponse<') }, 'XDS_ACTION'],
  ['a time without Z', { timestamp: drafted.timestamp.replace('00:00Z', '00:00') }, 'XDS_TIMESTAMP'],
  ['a time with an offset', { timestamp: drafted.timestamp.replace('00:00Z', '00:00+01:00') }, 'XDS_TIMESTAMP'],
  ['30 February', { timestamp: drafted.timestamp.replace('2027-01-15T12:00', '2027-02-30T12:00') }, 'XDS_TIMESTAMP'],
  ['24 o’clock', { timestamp: drafted.timestamp.replace('T12:00', 'T24:00') }, 'XDS_TIMESTAMP'],
  ['Expires before Created', { timestamp: drafted.timestamp.replace('12:05', '11:59') }, 'XDS_TIMESTAMP'],
  ['no Expires', { timestamp: drafted.timestamp.replace(/<wsu:Expires>.*<\/wsu:Expires>/, '') }, 'XDS_TIMESTAMP'],
  [
    'Created twice',
    { timestamp: drafted.timestamp.replace(/(<wsu:Created>.*<\/wsu:Created>)/, '$1$1') },
    'XDS_TIMESTAMP',
  ],
  [
    'a body in another namespace',
    { body: `<soap:Body wsu:Id="b">${drafted.content.replace('2007', '2008')}</soap:Body>` },
    'XDS_BODY',
  ],
  [
    'an xop:Include for an identifier',
    {
      body: `<soap:Body wsu:Id="b">${drafted.content.replace(documentUniqueId, '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:a@b"/>')}</soap:Body>`,
    },
    'XDS_XML',
  ],
  [
    'identifiers in the wrong order',
    {
      body: `<soap:Body wsu:Id="b">${drafted.content.replace(/(<ihe:Rep.*?<\/ihe:RepositoryUniqueId>)(<ihe:Doc.*?<\/ihe:DocumentUniqueId>)/, '$2$1')}</soap:Body>`,
    },
    'XDS_BODY',
  ],
  [
    'an identifier twice',
    {
      body: `<soap:Body wsu:Id="b">${drafted.content.replace(/(<ihe:DocumentUniqueId>.*?<\/ihe:DocumentUniqueId>)/, '$1$1')}</soap:Body>`,
    },
    'XDS_BODY',
  ],
  [
    'an attribute on an identifier',
    {
      body: `<soap:Body wsu:Id="b">${drafted.content.replace('<ihe:DocumentUniqueId>', '<ihe:DocumentUniqueId x="y">')}</soap:Body>`,
    },
    'XDS_BODY',
  ],
  [
    'no DocumentRequest',
    { body: '<soap:Body wsu:Id="b"><ihe:RetrieveDocumentSetRequest xmlns:ihe="urn:ihe:iti:xds-b:2007"/></soap:Body>' },
    'XDS_BODY',
  ],
];

/** Adds the group order to S: a malleated signature, which only a verifier without S < L accepts. */
function plusL(value: string): string {
  const bytes = Buffer.from(value, 'base64');
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let s = 0n;
  for (let i = 63; i >= 32; i--) s = s * 256n + BigInt(bytes[i]!);
  s += order;
  for (let i = 32; i < 64; i++, s /= 256n) bytes[i] = Number(s % 256n);
  return bytes.toString('base64');
}

describe('a request', () => {
  it('passes as the product makes it, and as drafted here', () => {
    expect(verifyText(valid).documents[0]!.documentUniqueId).toBe(documentUniqueId);
    expect(verifyText(draft())).toMatchObject({ to, signer: requester.publicKey });
  });

  it('shows who signed it, however the attacker signs', () => {
    expect(verifyText(draft({ key: attacker })).signer).toEqual(attacker.publicKey);
  });

  it('reads CDATA as the text that was signed', () => {
    const folded = change(documentUniqueId, `<![CDATA[${documentUniqueId.slice(0, 9)}]]>${documentUniqueId.slice(9)}`);
    expect(verifyText(folded).documents[0]!.documentUniqueId).toBe(documentUniqueId);
  });
});

describe('a validly signed request that was rearranged is refused:', () => {
  it.each(rearranged)('%s', (_, xml, code) => {
    expect(refusal(() => verifyText(xml))).toBe(code);
  });
});

describe('what parsers read differently is refused:', () => {
  it.each(differentials)('%s', (_, xml, code) => {
    expect(refusal(() => verifyText(xml))).toBe(code);
  });
});

describe('a true signature over something else is refused:', () => {
  it.each(confused)('%s', (_, change, code) => {
    const xml = typeof change === 'string' ? change : draft(change);
    expect(xml).not.toBe(draft());
    expect(refusal(() => verifyText(xml))).toBe(code);
  });
});

describe('bombs are refused within 50 ms:', () => {
  const pad = (start: string, unit: string, size: number): string =>
    start + unit.repeat(Math.floor(size / unit.length));
  const bombs: [string, string][] = [64, 256].flatMap((kb): [string, string][] => {
    const size = kb * 1024 - 200;
    return [
      [`${kb} KiB of nested elements`, pad('', '<a>', size)],
      [`${kb} KiB of nested elements with namespaces`, pad('', '<a:a xmlns:a="u">', size)],
      [`${kb} KiB of attributes`, pad('<a', ' b=""', size)],
      [`${kb} KiB of different attributes`, `<a${Array.from({ length: size / 12 }, (_, i) => ` a${i}=""`).join('')}`],
      [`${kb} KiB of declarations`, `<a${Array.from({ length: size / 16 }, (_, i) => ` xmlns:a${i}="u"`).join('')}`],
      [`${kb} KiB of empty elements`, pad('<r>', '<a/>', size)],
      [`${kb} KiB of entities`, pad('<r>', '&amp;', size)],
      [`${kb} KiB of character references`, pad('<r>', '&#65;', size)],
      [`${kb} KiB of CDATA`, pad('<r>', '<![CDATA[x]]>', size)],
      [`${kb} KiB of an unfinished entity`, pad('<r>&', 'a', size)],
      [`${kb} KiB of an unfinished document type`, pad('<!DOCTYPE r [', '<!ENTITY a "&b;">', size)],
      [`${kb} KiB of brackets`, pad('<r>', ']', size)],
      [`${kb} KiB of one name`, pad('<', 'a', size)],
      [`${kb} KiB of one attribute's value`, pad('<a b="', '\t', size)],
      [
        `${kb} KiB of base64 with line breaks`,
        draft({
          signature: t => t.replace('<ds:SignatureValue>', `<ds:SignatureValue>${'&#13;'.repeat((size - 6000) / 5)}!`),
        }),
      ],
    ];
  });
  refusal(() => verifyText(valid)); // warm
  it.each(bombs)('%s', (_, xml) => {
    const bytes = utf8(xml);
    const started = performance.now();
    expect(refusal(() => verifyRequest(parseRequest(soapType, bytes), nobleVerifier))).toMatch(
      /^XDS_(TOO_LARGE|XML|XML_LIMIT|SIGNATURE_FORM)$/,
    );
    expect(performance.now() - started).toBeLessThan(50);
  });
});
