/** Signature wrapping: validly signed requests, rearranged or edited, each refused for the reason it should be. */
import { describe, expect, it } from '@jest/globals';
import {
  attacker,
  cut,
  documentUniqueId,
  draft,
  drafted,
  ns,
  refusal,
  replaceOnce,
  requester,
  requestText,
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
