/** Exclusive canonicalization, by the standard's rules and against libxml2 on generated documents. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import { XmlC14NMode, XmlDocument } from 'libxml2-wasm';
import { needs } from '../../../tools/needs.mjs';
import { canonicalize } from '../dist/canonicalXml.js';
import { readXml, type XmlElement } from '../dist/xmlReader.js';

const canonical = (xml: string, prefixes: string[] = []): string => canonicalize(readXml(utf8(xml)), prefixes);

describe('canonicalize', () => {
  it('renders only the namespaces that names use, where they are first used', () => {
    expect(canonical('<a:r xmlns:a="urn:a" xmlns:b="urn:b"><b:x/><b:y a:z="1"/></a:r>')).toBe(
      '<a:r xmlns:a="urn:a"><b:x xmlns:b="urn:b"></b:x><b:y xmlns:b="urn:b" a:z="1"></b:y></a:r>',
    );
  });

  it('undoes a default namespace that it rendered', () => {
    expect(canonical('<r xmlns="urn:a"><x xmlns=""/></r>')).toBe('<r xmlns="urn:a"><x xmlns=""></x></r>');
    expect(canonical('<a:r xmlns:a="urn:a" xmlns="urn:b"><x xmlns=""/></a:r>')).toBe(
      '<a:r xmlns:a="urn:a"><x></x></a:r>',
    );
  });

  it('sorts attributes by namespace name, not by prefix', () => {
    expect(canonical('<r xmlns:a="urn:z" xmlns:z="urn:a" a:k="1" z:k="2" k="3" b="4"/>')).toBe(
      '<r xmlns:a="urn:z" xmlns:z="urn:a" b="4" k="3" z:k="2" a:k="1"></r>',
    );
  });

  it('escapes what the standard names and nothing else', () => {
    expect(canonical('<r a="&#9;&#10;&#13;&quot;&lt;&gt;&amp;\'">&#9;&#10;&#13;"&lt;&gt;&amp;\'</r>')).toBe(
      '<r a="&#x9;&#xA;&#xD;&quot;&lt;>&amp;\'">\t\n&#xD;"&lt;&gt;&amp;\'</r>',
    );
  });

  it('renders prefixes of the list where they are in scope', () => {
    const xml = '<a:r xmlns:a="urn:a" xmlns:b="urn:b" xmlns="urn:d"><a:x/></a:r>';
    expect(canonical(xml, ['b'])).toBe('<a:r xmlns:a="urn:a" xmlns:b="urn:b"><a:x></a:x></a:r>');
    expect(canonical(xml, [''])).toBe('<a:r xmlns="urn:d" xmlns:a="urn:a"><a:x></a:x></a:r>');
    expect(canonical(xml, ['nowhere'])).toBe('<a:r xmlns:a="urn:a"><a:x></a:x></a:r>');
  });
});

/** Small deterministic generator (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const uris = ['urn:a', 'urn:b', 'urn:c', 'http://example.org/?a=b'];
const texts = [
  '',
  'x',
  ' ',
  '\t',
  '\n',
  '\r\n',
  '&#13;',
  '&amp;',
  '&lt;',
  '&gt;',
  '"',
  "'",
  'é',
  '𝄞',
  '<![CDATA[<&]]>',
  ']]',
  '&#xA;',
];

function generate(seed: number): string {
  const pick = generator(seed);
  const content = (depth: number, scope: readonly string[]): string => {
    let out = '';
    for (let n = pick(4); n > 0; n--)
      out += depth < 5 && pick(2) === 0 ? element(depth + 1, scope) : texts[pick(texts.length)]!;
    return out;
  };
  const element = (depth: number, scope: readonly string[]): string => {
    let here = scope;
    let declarations = '';
    for (const prefix of ['p', 'q', 'r']) {
      if (pick(3) > 0) continue;
      declarations += ` xmlns:${prefix}="${uris[pick(uris.length)]}"`;
      here = [...new Set([...here, prefix])];
    }
    if (pick(4) === 0) declarations += ` xmlns="${pick(3) === 0 ? '' : uris[pick(uris.length)]}"`;
    const prefixes = ['', ...here.map(prefix => `${prefix}:`)];
    let attributes = '';
    // one local name an attribute, so that two prefixes of one namespace can't make a duplicate
    for (const name of ['k', 'l', 'm', 'xml:lang']) {
      if (pick(3) > 0) continue;
      const prefix = name === 'xml:lang' ? '' : prefixes[pick(prefixes.length)]!;
      attributes += ` ${prefix}${name}="${texts[pick(texts.length)]!.replace(/"|<.*/g, '')}"`;
    }
    const name = `${prefixes[pick(prefixes.length)]!}${['e', 'f'][pick(2)]!}`;
    const inside = content(depth, here);
    const all = pick(2) === 0 ? declarations + attributes : attributes + declarations;
    return inside === '' && pick(2) === 0 ? `<${name}${all}/>` : `<${name}${all}>${inside}</${name}>`;
  };
  return element(0, []);
}

function elementsOf(element: XmlElement): XmlElement[] {
  return [element, ...element.children.flatMap(child => (typeof child === 'string' ? [] : elementsOf(child)))];
}

describe('canonicalize agrees with libxml2', () => {
  it('on 400 generated documents, whole and in part, with and without a PrefixList', () => {
    let compared = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const xml = generate(seed);
      const ours = elementsOf(readXml(utf8(xml)));
      const doc = XmlDocument.fromString(xml);
      const theirs = doc.find('//*');
      expect(theirs).toHaveLength(ours.length);
      for (const at of new Set([0, ours.length - 1, seed % ours.length])) {
        for (const prefixes of [[], ['p'], ['q', 'r', 'nowhere']]) {
          const options = { mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0, inclusiveNamespacePrefixes: prefixes };
          expect({ xml, at, prefixes, out: canonicalize(ours[at]!, prefixes) }).toEqual({
            xml,
            at,
            prefixes,
            out: theirs[at]!.canonicalizeToString(options),
          });
          compared++;
        }
      }
      doc.dispose();
    }
    expect(compared).toBeGreaterThan(2_000);
  });
});

needs('xmllint', describe)('canonicalize agrees with xmllint', () => {
  it('on 400 other documents', () => {
    const folder = mkdtempSync(join(tmpdir(), 'radpass-c14n-'));
    const documents = Array.from({ length: 400 }, (_, i) => generate(1_000 + i));
    const names = documents.map((xml, i) => {
      writeFileSync(join(folder, `${i}.xml`), xml);
      return `${i}.xml`;
    });
    const theirs = execFileSync('xmllint', ['--nonet', '--exc-c14n', ...names], { cwd: folder, encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(documents.map(xml => canonical(xml)).join('')).toBe(theirs);
  });
});
