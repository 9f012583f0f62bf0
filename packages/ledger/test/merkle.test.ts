import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { fromBase64, fromHex, sha256, toHex } from '@radpass/core';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { inclusionProof, merkleLeaf, merkleRoot, verifyInclusion } from '../dist/merkle.js';

interface InclusionCase {
  leafIdx: number;
  treeSize: number;
  root: string;
  leafHash: string;
  proof: string[] | null;
  wantErr: boolean;
}

needs('vectors', describe)('an inclusion proof of RFC 6962', () => {
  it('is judged as the vectors say', () => {
    const folder = join(dataDir, 'vectors', 'rfc6962', 'testdata', 'inclusion');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.json'));
    expect(files.length).toBeGreaterThan(80);
    const misjudged = files.filter(name => {
      const one = JSON.parse(readFileSync(join(folder, name), 'utf8')) as InclusionCase;
      const verdict = verifyInclusion({
        root: fromBase64(one.root),
        leafHash: fromBase64(one.leafHash),
        index: one.leafIdx,
        size: one.treeSize,
        proof: (one.proof ?? []).map(fromBase64),
      });
      return verdict === one.wantErr;
    });
    expect(misjudged).toEqual([]);
  });
});

describe('merkleRoot', () => {
  // The well-known list of the log implementations' tests, and its roots by size.
  const elements = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const list = elements.map(text => fromHex(text));

  it('is the hash of nothing for no elements', () => {
    expect(toHex(merkleRoot([]))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('is the leaf for one element and joins in pairs above it', () => {
    const [a, b, c] = list.slice(0, 3).map(merkleLeaf) as [Uint8Array, Uint8Array, Uint8Array];
    const node = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right);
    expect(merkleRoot(list.slice(0, 1))).toEqual(a);
    expect(merkleRoot(list.slice(0, 3))).toEqual(node(node(a, b), c));
  });

  it('is the published one of the list of eight', () => {
    expect(toHex(merkleRoot(list))).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  });

  it('differs when an element moves', () => {
    expect(merkleRoot([list[1]!, list[0]!])).not.toEqual(merkleRoot([list[0]!, list[1]!]));
  });

  it('is what every inclusion proof leads to, for each size up to 33', () => {
    const many = Array.from({ length: 33 }, (_, i) => Uint8Array.of(i));
    for (let size = 1; size <= many.length; size++) {
      const some = many.slice(0, size);
      const root = merkleRoot(some);
      for (let index = 0; index < size; index++) {
        const p = { root, leafHash: merkleLeaf(some[index]!), index, size, proof: inclusionProof(some, index) };
        expect(verifyInclusion(p)).toBe(true);
        expect(verifyInclusion({ ...p, leafHash: merkleLeaf(Uint8Array.of(99)) })).toBe(false);
        expect(verifyInclusion({ ...p, index: (index + 1) % (size + 1) })).toBe(false);
      }
    }
  });

  it('gives no proof of an element that the list lacks', () => {
    expect(() => inclusionProof(list, list.length)).toThrow(RangeError);
    expect(() => inclusionProof(list, -1)).toThrow(RangeError);
  });
});
