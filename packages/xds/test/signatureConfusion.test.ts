/** Signature confusion: true signatures by their signer, over something that is not this profile. */
import { describe, expect, it } from '@jest/globals';
import { type Draft, documentUniqueId, draft, drafted, ns, refusal, requester, spki, verifyText } from './messages.js';

/** True signatures by their signer, over something that is not this profile. */
const confused: [string, Partial<Draft>, string][] = [
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
    'a RelatesTo of another kind',
    {
      headers: `${drafted.headers}<wsa:RelatesTo RelationshipType="urn:x" wsu:Id="r">urn:y</wsa:RelatesTo>`,
      signed: ['a', 'm', 't', 'ts', 'b', 'r'],
    },
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
  ['24 o’clock', { timestamp: drafted.timestamp.replace('T12:05', 'T24:00') }, 'XDS_TIMESTAMP'],
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

describe('a true signature over something else is refused:', () => {
  it.each(confused)('%s', (_, change, code) => {
    const xml = draft(change);
    expect(xml).not.toBe(draft());
    expect(refusal(() => verifyText(xml))).toBe(code);
  });
});
