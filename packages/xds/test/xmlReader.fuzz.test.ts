/** `readXml` and another parser agree on what is XML of the profile and on what it says, whatever was done to the text. */
import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import { readXml, type XmlElement } from '../dist/xmlReader.js';
import { draft, refusal, requestText } from './messages.js';
import { readBySaxes, type Tree } from './saxesReader.js';

const seed = Number(process.env.RADPASS_SEED ?? 1);

function generator(start: number): (below: number) => number {
  let state = start >>> 0;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const treeOf = ({ prefix, local, uri, attributes, declared, children }: XmlElement): Tree => ({
  name: [prefix, local, uri],
  attributes: attributes.map(each => [each.prefix, each.local, each.uri, each.value]),
  declared: [...declared],
  children: children.map(child => (typeof child === 'string' ? child : treeOf(child))),
});

const ours = (text: string): Tree | null => {
  let tree: Tree | null = null;
  const code = refusal(() => {
    tree = treeOf(readXml(utf8(text)));
  });
  if (code !== 'accepted' && code !== 'XDS_XML') throw new Error(`${code} for ${text}`);
  return tree;
};

/** Words of the language, and some that only look so. */
const words = [
  ...[
    '<',
    '>',
    '</',
    '/>',
    '<a',
    '<a:b',
    '</a>',
    '</a:b>',
    '<a/>',
    '<r>',
    '</r>',
    ' ',
    '\t',
    '\r',
    '\n',
    '\r\n',
    '"',
    "'",
    '=',
  ],
  ...['&', ';', '&amp;', '&lt;', '&gt;', '&apos;', '&quot;', '&#38;', '&#x26;', '&#x0;', '&#xD;', '&#10;', '&#xD800;'],
  ...['&#x10FFFF;', '&#x110000;', '&#xfffe;', '&#000000000065;', '&nbsp;', '&#;', '&#x;', '&#xg;', '&#-1;', '&#1e1;'],
  ...[' xmlns="u"', ' xmlns=""', ' xmlns:a="u"', ' xmlns:a=""', ' xmlns:b="u"', ' xmlns:xml="u"', ' xmlns:xmlns="u"'],
  ...[' xmlns:a="http://www.w3.org/2000/xmlns/"', ' xmlns="http://www.w3.org/XML/1998/namespace"', ' xmlns:a=" u"'],
  ...[
    ' id="1"',
    ' a:Id="1"',
    ' xml:id="2"',
    ' a:c="1"',
    ' b:c="1"',
    ' c="1"',
    " c='2'",
    ' c = "3"',
    ' c=""',
    ' xml:c="x"',
  ],
  ...[
    '<![CDATA[',
    ']]>',
    ']]',
    ']',
    '<![CDATA[]]>',
    '<!--',
    '-->',
    '<?',
    '?>',
    '<?xml version="1.0"?>',
    '<!DOCTYPE a>',
  ],
  ...[
    'x',
    '-',
    '.',
    ':',
    '1',
    '_',
    'é',
    '😀',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\ufffe',
    '\u0001',
    '\u007f',
    '<xml:a/>',
    '<é/>',
  ],
];

/** Replace, insert, remove or repeat a piece, a few times. */
function mutate(text: string, below: (n: number) => number): string {
  let mutant = text;
  for (let n = below(4) === 0 ? 2 : 1; n > 0; n--) {
    const at = below(mutant.length + 1);
    const length = below(4) === 0 ? below(12) : 0;
    const word = below(5) === 0 ? mutant.slice(at, at + below(30)) : (words[below(words.length)] ?? '');
    mutant = mutant.slice(0, at) + word + mutant.slice(at + length);
  }
  return mutant;
}

describe('two parsers', () => {
  it.each<[string, number, (below: (n: number) => number) => string]>([
    [
      'messages with pieces put in, left out and repeated',
      1_000,
      below => mutate(below(2) === 0 ? requestText() : draft(), below),
    ],
    [
      'words of the language in any order',
      6_000,
      below => `<r xmlns:b="v">${Array.from({ length: 1 + below(6) }, () => words[below(words.length)]).join('')}</r>`,
    ],
    [
      'short documents with pieces put in',
      6_000,
      below => mutate('<?xml version="1.0"?>\r\n<a:r xmlns:a="u" a:c="1"><b c="2">x</b></a:r>', below),
    ],
  ])('read the same from %s', (what, runs, make) => {
    const below = generator(seed);
    const readers = { both: 0, neither: 0 };
    for (let run = 0; run < runs; run++) {
      const text = make(below);
      const [mine, theirs] = [ours(text), readBySaxes(text)];
      if (JSON.stringify(mine) !== JSON.stringify(theirs)) expect([text, mine]).toEqual([text, theirs]);
      readers[mine === null ? 'neither' : 'both'] += 1;
    }
    process.stdout.write(`two parsers, seed ${seed}, ${what}: ${JSON.stringify(readers)}\n`);
    expect(Math.min(readers.both, readers.neither)).toBeGreaterThan(runs / 50);
  });
});
