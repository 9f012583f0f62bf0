/** The strict reader: what it takes, its caps, and the spans it reports. */
import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import {
  attributeOf,
  childElements,
  namespaceInScope,
  readXml,
  textOf,
  tokenOf,
  xmlLimits,
} from '../dist/xmlReader.js';
import { refusal } from './messages.js';

const read = (xml: string) => readXml(utf8(xml));
const code = (xml: string): string => refusal(() => read(xml));

describe('readXml', () => {
  it('gives names, attributes and declarations apart', () => {
    const root = read('<a:r xmlns:a="urn:a" k="1" a:k="2"><x xmlns="urn:b"/></a:r>');
    expect(root).toMatchObject({ prefix: 'a', local: 'r', uri: 'urn:a' });
    expect(root.attributes).toHaveLength(2);
    expect(attributeOf(root, 'urn:a', 'k')).toBe('2');
    expect(attributeOf(root, '', 'k')).toBe('1');
    const [x] = childElements(root);
    expect(x).toMatchObject({ prefix: '', local: 'x', uri: 'urn:b' });
    expect(namespaceInScope(x!, 'a')).toBe('urn:a');
    expect(namespaceInScope(root, '')).toBeUndefined();
  });

  it('folds CDATA and references into one text and normalizes line ends', () => {
    const root = read('<r>a<![CDATA[<b>&amp;]]>&lt;&#x63;\r\nd\re</r>');
    expect(root.children).toEqual(['a<b>&amp;<c\nd\ne']);
  });

  it('normalizes attribute values, but not references in them', () => {
    expect(attributeOf(read('<r a="b\tc\r\nd&#10;e"/>'), '', 'a')).toBe('b c d\ne');
  });

  it('reports the span of each element', () => {
    const xml = '<?xml version="1.0"?>\n<r><a b="c">d</a ><e/></r>';
    const root = read(xml);
    const spans = [root, ...childElements(root)].map(element => xml.slice(element.start, element.end));
    expect(spans).toEqual(['<r><a b="c">d</a ><e/></r>', '<a b="c">d</a >', '<e/>']);
  });

  it('takes one byte order mark, and utf-8 in any case', () => {
    expect(read('\ufeff<?xml version="1.0" encoding="utf-8" standalone="yes"?><r/>').local).toBe('r');
  });

  it.each([
    [
      'bytes',
      `<r>${'x'.repeat(xmlLimits.bytes - 7)}</r>`,
      `<r>${'x'.repeat(xmlLimits.bytes - 6)}</r>`,
      'XDS_TOO_LARGE',
    ],
    ['depth', '<r>'.repeat(32) + '</r>'.repeat(32), '<r>'.repeat(33) + '</r>'.repeat(33), 'XDS_XML_LIMIT'],
    ['elements', `<r>${'<a/>'.repeat(1_999)}</r>`, `<r>${'<a/>'.repeat(2_000)}</r>`, 'XDS_XML_LIMIT'],
    [
      'attributes',
      `<r${Array.from({ length: 64 }, (_, i) => ` a${i}=""`).join('')}/>`,
      `<r${Array.from({ length: 65 }, (_, i) => ` a${i}=""`).join('')}/>`,
      'XDS_XML_LIMIT',
    ],
  ])('holds the cap on %s exactly', (_, most, more, expected) => {
    expect(read(most).local).toBe('r');
    expect(code(more)).toBe(expected);
  });

  it.each([
    '',
    ' ',
    'x',
    '<r>',
    '<r></s>',
    '<r/><r/>',
    '<r a=b/>',
    '<r a/>',
    '<r a="1"b="2"/>',
    '<r a="<"/>',
    '<r>]]></r>',
    '<r>&nbsp;</r>',
    '<r>&</r>',
    '<r></r',
    '<1/>',
    '<:r/>',
    '<a:/>',
    '<a:b:c xmlns:a="u"/>',
    '<!-- --><r/>',
    '<r/><!-- -->',
    '<?x?><r/>',
    '<r><?x?></r>',
    '<r>\u0001</r>',
    '<r>\ufffe</r>',
    '<xmlns:r/>',
    '<r xmlns:a="http://www.w3.org/2000/xmlns/"/>',
    '<r xmlns:xmlns="u"/>',
    '<r xmlns="http://www.w3.org/XML/1998/namespace"/>',
    '<R xml:id="a" ID="a"/>',
    '<?XML version="1.0"?><r/>',
    ' <?xml version="1.0"?><r/>',
    '<?xml encoding="utf-8"?><r/>',
    '<?xml version="1.0" version="1.0"?><r/>',
    '<![CDATA[x]]><r/>',
  ])('refuses %j', xml => {
    expect(code(xml)).toBe('XDS_XML');
  });
});

describe('bytes that are not UTF-8', () => {
  it.each([[0xff], [0xc0, 0xbc], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc3]])(
    'are refused: %j',
    (...bytes) => {
      const xml = Uint8Array.from([...utf8('<r>'), ...bytes, ...utf8('</r>')]);
      expect(refusal(() => readXml(xml))).toBe('XDS_XML');
    },
  );
});

describe('reading values', () => {
  it('refuses elements within text and text between elements', () => {
    expect(refusal(() => textOf(read('<r>a<b/></r>')))).toBe('XDS_XML');
    expect(refusal(() => textOf(read('<r><b/></r>')))).toBe('XDS_XML');
    expect(refusal(() => childElements(read('<r><b/>x</r>')))).toBe('XDS_XML');
  });

  it('keeps white space in text and takes it off tokens', () => {
    expect(textOf(read('<r> a </r>'))).toBe(' a ');
    expect(tokenOf(read('<r>\n a \t</r>'))).toBe('a');
    expect(textOf(read('<r/>'))).toBe('');
  });
});
