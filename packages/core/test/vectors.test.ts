import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import {
  type Canonical,
  CodedError,
  decodeCanonical,
  encodeCanonical,
  fromHex,
  nobleVerifier,
  parseOffer,
  parsePublicKey,
  parseRequesterCard,
  parseStudyInstanceUid,
  parseTransaction,
  raw,
  toHex,
} from '../dist/index.js';
import { examples } from './protocolText.js';
import * as data from './vectorData.js';

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..');
const documentPath = join(packageRoot, '..', '..', 'docs', 'protocol.md');
/** RADPASS_WRITE=vectors writes vectors and examples anew: for a change of the protocol, which is a decision. */
const writing = process.env.RADPASS_WRITE === 'vectors';
const files = {
  'encoding.json': data.encodingVectors,
  'preimages.json': data.preimageVectors,
  'keys.json': data.keyVectors,
  'tuples.json': data.tupleVectors,
  'studyHash.json': data.studyHashVectors,
  'cards.json': data.cardVectors,
  'keyring.json': data.keyringVectors,
};
const pathOf = (name: string) => join(packageRoot, 'test', 'vectors', name);

function read<T>(name: keyof typeof files, _like: T): T {
  return JSON.parse(readFileSync(pathOf(name), 'utf8'));
}
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return 'none';
};

describe('the vectors', () => {
  it.each(Object.entries(files))('%s is what this code makes', (name, made) => {
    if (writing) writeFileSync(pathOf(name), `${JSON.stringify(made, null, 2)}\n`);
    expect(JSON.parse(readFileSync(pathOf(name), 'utf8'))).toEqual(JSON.parse(JSON.stringify(made)));
  });

  it('of the encoding hold both ways when read from the file alone', () => {
    const fromJson = (value: unknown): Canonical => {
      if (typeof value === 'number') return value;
      if (Array.isArray(value)) return value.map(fromJson);
      const { text, hex } = value as { text?: string; hex?: string };
      return text ?? fromHex(hex!);
    };
    const { accepted, refused } = read('encoding.json', data.encodingVectors);
    for (const { value, bytes } of accepted) {
      expect(toHex(encodeCanonical(fromJson(value)))).toBe(bytes);
      expect(decodeCanonical(fromHex(bytes), raw(1024))).toEqual(fromJson(value));
    }
    for (const { why, bytes } of refused) {
      expect([why, codeOf(() => decodeCanonical(fromHex(bytes), raw(1024)))]).toEqual([why, 'CORE_DECODE']);
    }
  });

  it('of refused keys, UIDs, tuples and cards are refused', () => {
    const keys = read('keys.json', data.keyVectors);
    for (const key of keys.accepted) expect(codeOf(() => parsePublicKey(fromHex(key)))).toBe('none');
    for (const { key } of keys.refused) expect(codeOf(() => parsePublicKey(fromHex(key!)))).toBe('CORE_PUBLIC_KEY');
    const { refused: uids } = read('studyHash.json', data.studyHashVectors);
    for (const uid of uids) expect(codeOf(() => parseStudyInstanceUid(uid))).toBe('CORE_UID');
    const { refused: tuples } = read('tuples.json', data.tupleVectors);
    for (const { code, bytes } of tuples) expect(codeOf(() => parseTransaction(fromHex(bytes)))).toBe(code);
    const { refused: cards } = read('cards.json', data.cardVectors);
    for (const text of cards) {
      const parse = text.startsWith('radpass:offer:')
        ? parseOffer
        : (t: string) => parseRequesterCard(t, nobleVerifier);
      expect(codeOf(() => parse(text))).toBe('CORE_CARD');
    }
  });

  it('of signatures verify over the preimages given', () => {
    const { accepted } = read('tuples.json', data.tupleVectors);
    expect(accepted).toHaveLength(9);
    for (const { key, preimage, signature } of accepted.flatMap(tuple => tuple.signatures)) {
      expect(nobleVerifier.verify(fromHex(signature), fromHex(preimage), fromHex(key))).toBe(true);
    }
  });
});

describe('docs/protocol.md', () => {
  const block = /<!-- core: ([a-z0-9-]+) -->\n```\n([\s\S]*?)\n```/g;

  it('shows every example exactly as this code makes it', () => {
    const document = readFileSync(documentPath, 'utf8');
    if (writing) {
      const renewed = document.replace(
        block,
        (_all, name: string) => `<!-- core: ${name} -->\n\`\`\`\n${examples.get(name)}\n\`\`\``,
      );
      writeFileSync(documentPath, renewed);
    }
    const shown = [...readFileSync(documentPath, 'utf8').matchAll(block)].map(([, name, text]) => [name, text]);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(examples));
  });
});
