/** What parsers read differently, and bombs: refused before any signature is looked at. */

import { afterAll, describe, expect, it } from '@jest/globals';
import { nobleVerifier, utf8 } from '@radpass/core';
import { parseRequest, verifyRequest } from '../dist/index.js';
import { documentUniqueId, draft, ns, refusal, replaceOnce, requestText, soapType, verifyText } from './messages.js';

const valid = requestText();
const change = (from: string | RegExp, by: string): string => replaceOnce(valid, from, by);
const insertHeader = (xml: string, header: string): string =>
  replaceOnce(xml, '<soap:Header>', `<soap:Header>${header}`);

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

describe('what parsers read differently is refused:', () => {
  it.each(differentials)('%s', (_, xml, code) => {
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
  let worst = 0;
  afterAll(
    () => void process.stdout.write(`${bombs.length} bombs: at worst ${worst.toFixed(1)} ms of processor time\n`),
  );
  it.each(bombs)('%s', (_, xml) => {
    const bytes = utf8(xml);
    // time of the processor, and the best of some runs: a busy machine makes single ones as long as it likes
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 20 && best >= 50; run++) {
      const started = process.cpuUsage();
      const code = refusal(() => verifyRequest(parseRequest(soapType, bytes), nobleVerifier));
      const { user, system } = process.cpuUsage(started);
      best = Math.min(best, (user + system) / 1_000);
      expect(code).toMatch(/^XDS_(TOO_LARGE|XML|XML_LIMIT|SIGNATURE_FORM)$/);
    }
    worst = Math.max(worst, best);
    expect(best).toBeLessThan(50);
  });
});
