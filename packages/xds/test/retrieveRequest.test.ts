/** The signed request: round trips, what real clients send, and the codes that become faults. */
import { describe, expect, it } from '@jest/globals';
import { nobleVerifier, SecretKey, sha256, utf8 } from '@radpass/core';
import {
  createFault,
  createRetrieveRequest,
  faultRelatesTo,
  parseRequest,
  toFault,
  verifyRequest,
  XdsError,
} from '../dist/index.js';
import { readXml } from '../dist/xmlReader.js';
import {
  documents,
  draft,
  drafted,
  now,
  ns,
  refusal,
  replaceOnce,
  requester,
  requestText,
  soapType,
  spki,
  text,
  to,
  verifyText,
} from './messages.js';

const valid = draft();
const withHeader = (header: string, id: string): string =>
  draft({ headers: drafted.headers + header, signed: ['a', 'm', 't', 'ts', 'b', id] });

describe('a signed request', () => {
  it.each(['mtom', 'soap'] as const)('comes back as it was made, as %s', form => {
    const made = createRetrieveRequest({ key: requester, to, documents, now, lifetimeMs: 60_000, form });
    const read = verifyRequest(parseRequest(made.contentType, made.body), nobleVerifier);
    expect(read).toEqual({
      signer: requester.publicKey,
      messageId: made.messageId,
      action: 'urn:ihe:iti:2007:RetrieveDocumentSet',
      to,
      created: now,
      expires: now + 60_000,
      documents,
      digest: sha256(made.envelope),
    });
    expect(made.messageId).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(text(made.body)).toContain(text(made.envelope));
  });

  it('carries names with every kind of character', () => {
    const odd = [
      { homeCommunityId: 'urn:oid:1.2', repositoryUniqueId: ' a&<>"\'\r\n]]>', documentUniqueId: 'é𝄞\u0085' },
    ];
    const made = createRetrieveRequest({ key: requester, to: `${to}?a&b=%20'`, documents: odd, now });
    const read = verifyRequest(parseRequest(made.contentType, made.body), nobleVerifier);
    expect(read.documents).toEqual(odd);
    expect(read.to).toBe(`${to}?a&b=%20'`);
  });

  it('holds 1 to 64 documents', () => {
    const make = (count: number) =>
      createRetrieveRequest({ key: requester, to, documents: Array(count).fill(documents[0]), now });
    const most = make(64);
    expect(verifyRequest(parseRequest(most.contentType, most.body), nobleVerifier).documents).toHaveLength(64);
    expect(() => make(65)).toThrow(RangeError);
    expect(() => make(0)).toThrow(RangeError);
  });

  it('lives at most 5 minutes', () => {
    const make = (lifetimeMs: number) => createRetrieveRequest({ key: requester, to, documents, now, lifetimeMs });
    expect(() => make(300_001)).toThrow(RangeError);
    expect(() => make(0)).toThrow(RangeError);
    expect(() => make(Number.NaN)).toThrow(RangeError);
  });

  it("is never made with a node's key", () => {
    const node = SecretKey.fromSeed(new Uint8Array(32).fill(9), 'node');
    expect(() => createRetrieveRequest({ key: node, to, documents, now })).toThrow("a node's key signs no XML");
  });

  it('goes out without mustUnderstand on its security header', () => {
    expect(requestText()).toContain('<wsse:Security><wsu:Timestamp');
  });

  it('is refused when any one character of it is changed', () => {
    const bytes = utf8(requestText());
    let refused = 0;
    for (let at = 40; at < bytes.length; at += 11) {
      const changed = bytes.slice();
      changed[at] = changed[at]! ^ 1;
      if (refusal(() => verifyText(changed)) !== 'accepted') refused++;
      else expect(text(changed.subarray(at - 30, at + 30))).toBe('a change that alters nothing that is signed');
    }
    expect(refused).toBeGreaterThan(300);
  });
});

describe('what real clients send is taken:', () => {
  const accepted: [string, string][] = [
    ['no ReplyTo', valid],
    ['a `uuid:` message id', draft({ headers: drafted.headers.replace('urn:uuid:', 'uuid:') })],
    [
      'an anonymous ReplyTo with metadata',
      withHeader(
        `<wsa:ReplyTo wsu:Id="r">\n<wsa:Address> ${ns.wsa}/anonymous\n</wsa:Address><wsa:ReferenceParameters/></wsa:ReplyTo>`,
        'r',
      ),
    ],
    ['From', withHeader('<wsa:From wsu:Id="r"><wsa:Address>urn:me</wsa:Address></wsa:From>', 'r')],
    [
      'a header that is unknown and optional',
      draft({ headers: `${drafted.headers}<x:h xmlns:x="urn:x" soap:mustUnderstand="0"/>` }),
    ],
    ['mustUnderstand on Security', replaceOnce(valid, '<wsse:Security>', '<wsse:Security soap:mustUnderstand="true">')],
    [
      'Timestamp after the signature',
      replaceOnce(
        replaceOnce(valid, drafted.timestamp, ''),
        '</wsse:Security>',
        `${drafted.timestamp}</wsse:Security>`,
      ),
    ],
    ['times with fractions', draft({ timestamp: drafted.timestamp.replace('05:00Z', '05:00.123456789Z') })],
    [
      'indentation between elements',
      replaceOnce(
        replaceOnce(valid, '<soap:Header>', '\n  <soap:Header>\n'),
        '</soap:Header>',
        '\n  </soap:Header>\r\n',
      ),
    ],
    [
      'a SignatureValue with line breaks and &#xD;',
      draft({ signature: t => t.replace(/(<ds:SignatureValue>)([^<]{60})/, '$1\n$2&#xD;\n') }),
    ],
    [
      'ids on the parts of the signature',
      draft({
        signature: t =>
          t.replace('<ds:KeyInfo>', '<ds:KeyInfo Id="k">').replace('<ds:SignatureValue>', '<ds:SignatureValue Id="v">'),
      }),
    ],
    [
      'xsi:schemaLocation on the body',
      draft({
        body: `<soap:Body wsu:Id="b">${drafted.content.replace(' xmlns:ihe', ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" xmlns:ihe')}</soap:Body>`,
      }),
    ],
    [
      'a PrefixList',
      draft({
        signedInfo: t =>
          t.replace(
            `"${ns.c14n}"/><ds:Sig`,
            `"${ns.c14n}"><e:InclusiveNamespaces xmlns:e="${ns.c14n}" PrefixList="ds nowhere"/></ds:CanonicalizationMethod><ds:Sig`,
          ),
      }),
    ],
    ['references in any order', draft({ signed: ['b', 'ts', 't', 'm', 'a'] })],
  ];
  it.each(accepted)('%s', (_, xml) => {
    expect(verifyText(xml)).toMatchObject({ to, documents, signer: requester.publicKey });
  });

  it('the action beside the Content-Type, when it is the same', () => {
    const action = 'urn:ihe:iti:2007:RetrieveDocumentSet';
    expect(verifyText(valid, `${soapType}; action="${action}"`).action).toBe(action);
    expect(refusal(() => verifyText(valid, `${soapType}; action="${action}Response"`))).toBe('XDS_ACTION');
  });
});

describe('faults', () => {
  const caught = (xml: string): unknown => {
    try {
      verifyText(xml);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it.each([
    ['not XML', 'x', 'sender'],
    ['SOAP 1.1', valid.replace(ns.soap, 'http://schemas.xmlsoap.org/soap/envelope/'), 'version-mismatch'],
    ['no security', replaceOnce(valid, /<wsse:Security>.*<\/wsse:Security>/, ''), 'security-invalid'],
    ['another algorithm', draft({ signedInfo: t => t.replace(ns.ed25519, 'urn:x') }), 'security-algorithm'],
    [
      'another key',
      replaceOnce(valid, spki(requester.publicKey), spki(SecretKey.fromSeed(new Uint8Array(32)).publicKey)),
      'security-failed-check',
    ],
    ['a bad time', draft({ timestamp: drafted.timestamp.replace('12:05', '11:05') }), 'security-expired'],
    [
      'no To',
      draft({ headers: drafted.headers.replace(/<wsa:To.*<\/wsa:To>/, ''), signed: ['a', 'm', 'ts', 'b'] }),
      'addressing-required',
    ],
    [
      'a foreign ReplyTo',
      withHeader('<wsa:ReplyTo wsu:Id="r"><wsa:Address>urn:me</wsa:Address></wsa:ReplyTo>', 'r'),
      'addressing',
    ],
    [
      'another action',
      draft({ headers: drafted.headers.replace('DocumentSet<', 'Document<') }),
      'action-not-supported',
    ],
    [
      'a header to be understood',
      draft({ headers: `${drafted.headers}<x:h xmlns:x="urn:x" soap:mustUnderstand="true"/>` }),
      'must-understand',
    ],
  ])('say what kind of mistake it was: %s', (_, xml, kind) => {
    expect(toFault(caught(xml)).kind).toBe(kind);
  });

  it('blame nobody else for our own errors', () => {
    expect(toFault(new Error('secret')).kind).toBe('receiver');
    expect(
      toFault(new XdsError({ code: 'XDS_DOCUMENT_SIZE', documentUniqueId: 'd', expected: 1, got: 2 }, 'x')).kind,
    ).toBe('receiver');
    expect(toFault(new Error('secret')).text).not.toContain('secret');
  });

  it('carry code, subcode, status and RelatesTo', () => {
    const fault = createFault({ kind: 'security-failed-check', relatesTo: 'urn:a&b', text: 'a < b' });
    expect(fault.status).toBe(400);
    expect(readXml(fault.body).local).toBe('Envelope');
    const xml = text(fault.body);
    expect(xml).toContain(
      '<soap:Code><soap:Value>soap:Sender</soap:Value><soap:Subcode><soap:Value>wsse:FailedCheck</soap:Value>',
    );
    expect(xml).toContain('<wsa:RelatesTo>urn:a&amp;b</wsa:RelatesTo>');
    expect(xml).toContain('<soap:Text xml:lang="en">a &lt; b</soap:Text>');
    expect(createFault({ kind: 'receiver', text: '' }).status).toBe(500);
    const ofType = new XdsError({ code: 'XDS_CONTENT_TYPE', reason: 'text/xml' }, 'x');
    expect(createFault(toFault(ofType)).status).toBe(415);
  });

  it('name the request when its MessageID can be read', () => {
    const broken = replaceOnce(valid, /<wsse:Security>.*<\/wsse:Security>/, '');
    expect(faultRelatesTo(soapType, utf8(broken))).toBe('urn:uuid:0fbfdced-6c01-4d09-a110-2201afedaa02');
    expect(faultRelatesTo(soapType, utf8('x'))).toBeUndefined();
    expect(faultRelatesTo('x', utf8(broken))).toBeUndefined();
    expect(faultRelatesTo(soapType, utf8(broken.replace('urn:uuid:', 'urn: ')))).toBeUndefined();
  });
});
