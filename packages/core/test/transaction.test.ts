import { describe, expect, it } from '@jest/globals';
import {
  bindNode,
  type Canonical,
  CoreError,
  checkSignatures,
  contentId,
  createAllowAccess,
  createClaim,
  createDefineSource,
  createRevokeAccess,
  decodeCanonical,
  decodeClaim,
  decodeReclaim,
  encodeCanonical,
  encodeClaim,
  encodeReclaim,
  equalBytes,
  explainTuple,
  fromHex,
  maxTransactionBytes,
  nobleVerifier,
  parseTransaction,
  raw,
  sha256,
  signatureChecks,
  toHex,
  utf8,
  verifyClaim,
  verifyReclaim,
} from '../dist/index.js';
import {
  chainId,
  claim,
  newPatient,
  nextSource,
  node,
  patient,
  payer,
  reclaim,
  requester,
  seq,
  source,
  studyHash,
  transactions,
  url,
} from './tuples.js';

const detailOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    if (error instanceof CoreError) return error.detail;
    throw error;
  }
  return 'none';
};
const codeOf = (run: () => unknown): unknown => {
  const detail = detailOf(run);
  return typeof detail === 'object' && detail !== null && 'code' in detail ? detail.code : detail;
};
const check = (bytes: Uint8Array, standingKey = undefined as undefined | typeof source.publicKey, chain = chainId) =>
  checkSignatures(parseTransaction(bytes), chain, standingKey, nobleVerifier);
const elementsOf = (bytes: Uint8Array): Canonical[] => [
  ...(decodeCanonical(bytes, raw(maxTransactionBytes)) as Canonical[]),
];
const named = transactions.map(tx => [tx.tuple.type, tx] as const);

/** Paths to every element that is no array. */
function leaves(value: Canonical, path: number[] = []): number[][] {
  return Array.isArray(value) ? value.flatMap((item: Canonical, i) => leaves(item, [...path, i])) : [path];
}
function changed(value: Canonical, [first, ...rest]: number[], change: (leaf: Canonical) => Canonical): Canonical {
  if (first === undefined) return change(value);
  return (value as Canonical[]).map((item, i) => (i === first ? changed(item, rest, change) : item));
}
const otherLeaf = (leaf: Canonical): Canonical => {
  if (typeof leaf === 'number') return leaf + 1;
  if (typeof leaf === 'string') return `${leaf}x`;
  const bytes = new Uint8Array(leaf as Uint8Array);
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
};

describe.each(named)('a tuple of type %d', (type, tx) => {
  it('parses to itself, its id is the hash of its bytes', () => {
    const parsed = parseTransaction(tx.bytes);
    expect(parsed).toEqual(tx);
    expect(parsed.id).toEqual(sha256(tx.bytes));
    expect(elementsOf(tx.bytes)[0]).toBe(type);
  });

  it('verifies, on its own network only', () => {
    expect(codeOf(() => check(tx.bytes))).toBe('none');
    expect(codeOf(() => check(tx.bytes, undefined, sha256(chainId)))).toBe('CORE_SIGNATURE');
  });

  it('verifies no more when any element is changed', () => {
    const value = elementsOf(tx.bytes);
    for (const path of leaves(value)) {
      const bytes = encodeCanonical(changed(value, path, otherLeaf));
      expect([path, codeOf(() => check(bytes))]).not.toEqual([path, 'none']);
    }
  });

  it('has a contentId that all its content changes and no signature does', () => {
    const value = elementsOf(tx.bytes);
    const own = contentId(chainId, tx.tuple);
    for (const path of leaves(value)) {
      const bytes = encodeCanonical(changed(value, path, otherLeaf));
      let other: Uint8Array;
      try {
        other = contentId(chainId, parseTransaction(bytes).tuple);
      } catch {
        continue; // another type or no key: no tuple at all
      }
      const leaf = path.reduce<Canonical>((at, i) => (at as Canonical[])[i]!, value);
      const isSignature = leaf instanceof Uint8Array && leaf.length === 64;
      expect([path, equalBytes(other, own)]).toEqual([path, isSignature]);
    }
    expect(contentId(sha256(chainId), tx.tuple)).not.toEqual(own);
  });

  it('is refused with an element more or less, or of another kind', () => {
    const value = elementsOf(tx.bytes);
    expect(codeOf(() => parseTransaction(encodeCanonical([...value, 0])))).toBe('CORE_DECODE');
    expect(codeOf(() => parseTransaction(encodeCanonical(value.slice(0, -1))))).toBe('CORE_DECODE');
    for (const path of leaves(value).slice(1)) {
      const bytes = encodeCanonical(changed(value, path, leaf => (typeof leaf === 'number' ? 'x' : 5)));
      expect([path, codeOf(() => parseTransaction(bytes))]).toEqual([path, 'CORE_DECODE']);
    }
  });

  it('is shown in the notation of the paper', () => {
    expect(explainTuple(tx.tuple)).toMatch(/^\{.*K_.*\}K_(H|P|Y|H′)⁻¹$/);
  });
});

describe('signatureChecks', () => {
  const signers = (i: number) =>
    signatureChecks(transactions[i]!, chainId).map(({ signer, key }) => [signer, toHex(key).slice(0, 8)]);
  const short = (key: { publicKey: Uint8Array }) => toHex(key.publicKey).slice(0, 8);

  it('names the signers of each type, inner first', () => {
    expect(transactions.map((_, i) => signers(i))).toEqual([
      [
        ['node', short(node)],
        ['source', short(source)],
      ],
      [
        ['patient', short(patient)],
        ['source', short(source)],
      ],
      [['patient', short(patient)]],
      [['patient', short(patient)]],
      [
        ['patient', short(newPatient)],
        ['source', short(source)],
      ],
      [['patient', short(patient)]],
      [['source', short(nextSource)]],
      [['source', short(source)]],
      [['payer', short(payer)]],
    ]);
  });

  it('asks the standing key of a rotated source for types 1, 2, 5 and 8 only', () => {
    const failing = transactions
      .filter(tx => codeOf(() => check(tx.bytes, nextSource.publicKey)) === 'CORE_SIGNATURE')
      .map(tx => tx.tuple.type);
    expect(failing).toEqual([1, 2, 5, 8]);
    expect(detailOf(() => check(transactions[1]!.bytes, nextSource.publicKey))).toEqual({
      code: 'CORE_SIGNATURE',
      type: 2,
      signer: 'source',
    });
  });

  it('accepts a rotated key for the name of its source', () => {
    const bound = bindNode({ chainId, nodeKey: node, sourceKey: source.publicKey, seq });
    const tx = createDefineSource({
      chainId,
      key: nextSource,
      seq,
      sourceKey: source.publicKey,
      url: '',
      nodeKey: node.publicKey,
      nodeSig: bound,
    });
    expect(codeOf(() => check(tx.bytes, nextSource.publicKey))).toBe('none');
    expect(codeOf(() => check(tx.bytes))).toBe('CORE_SIGNATURE');
  });

  it('blames the node, the patient or the source', () => {
    const blame = (i: number, path: number[]) => {
      const detail = detailOf(() =>
        check(encodeCanonical(changed(elementsOf(transactions[i]!.bytes), path, otherLeaf))),
      );
      return typeof detail === 'object' && detail !== null && 'signer' in detail ? detail.signer : detail;
    };
    expect(blame(0, [8])).toBe('node');
    expect(blame(0, [9])).toBe('source');
    expect(blame(1, [2, 3])).toBe('patient');
    expect(blame(1, [3])).toBe('source');
    expect(blame(4, [1, 5])).toBe('patient');
    expect(blame(8, [6])).toBe('payer');
  });

  it('asks verifyStrict when told to', () => {
    const refusing = { backend: 'test', verify: () => true, verifyStrict: () => false };
    const tx = transactions[2]!;
    expect(codeOf(() => checkSignatures(tx, chainId, undefined, refusing))).toBe('none');
    expect(codeOf(() => checkSignatures(tx, chainId, undefined, refusing, 'strict'))).toBe('CORE_SIGNATURE');
  });
});

describe('parseTransaction', () => {
  it('knows nine types', () => {
    expect(detailOf(() => parseTransaction(encodeCanonical([10, 1])))).toEqual({
      code: 'CORE_TRANSACTION_TYPE',
      type: 10,
    });
    expect(detailOf(() => parseTransaction(encodeCanonical([0])))).toEqual({ code: 'CORE_TRANSACTION_TYPE', type: 0 });
    for (const value of [[], 7, 'x', [[1]]]) {
      expect(detailOf(() => parseTransaction(encodeCanonical(value)))).toEqual({
        code: 'CORE_TRANSACTION_TYPE',
        type: -1,
      });
    }
  });

  it('reads nothing longer than any tuple can be', () => {
    const longest = createDefineSource({
      chainId,
      key: source,
      seq: Number.MAX_SAFE_INTEGER,
      sourceKey: source.publicKey,
      url: `https://${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}:65535/${'p'.repeat(63)}`,
      nodeKey: node.publicKey,
      tlsPins: [studyHash, studyHash],
      nextKeyHash: studyHash,
      stamp: Number.MAX_SAFE_INTEGER,
      nodeSig: new Uint8Array(64),
    });
    expect(longest.bytes.length).toBeLessThan(maxTransactionBytes);
    expect(parseTransaction(longest.bytes)).toEqual(longest);
    expect(codeOf(() => parseTransaction(encodeCanonical([1, new Uint8Array(maxTransactionBytes)])))).toBe(
      'CORE_DECODE',
    );
  });

  it('keeps bytes of its own', () => {
    const bytes = Buffer.from(transactions[2]!.bytes);
    const tx = parseTransaction(bytes);
    bytes.fill(0);
    expect(tx).toEqual(transactions[2]);
    expect(tx.bytes.constructor).toBe(Uint8Array);
  });

  it('refuses a weak key in any place for a key', () => {
    const weak = fromHex(`01${'00'.repeat(31)}`);
    const value = elementsOf(transactions[2]!.bytes);
    for (const place of [2, 3, 4]) {
      expect(codeOf(() => parseTransaction(encodeCanonical(changed(value, [place], () => weak))))).toBe(
        'CORE_PUBLIC_KEY',
      );
    }
  });

  it('refuses a URL outside the grammar, three pins, 31 bytes of hash', () => {
    const value = elementsOf(transactions[0]!.bytes);
    const withChange = (path: number[], leaf: Canonical) =>
      codeOf(() => parseTransaction(encodeCanonical(changed(value, path, () => leaf))));
    expect(withChange([3], 'http://images.example.org')).toBe('CORE_URL');
    expect(withChange([3], `https://a/${'x'.repeat(400)}`)).toBe('CORE_DECODE');
    expect(withChange([5], [studyHash, studyHash, studyHash])).toBe('CORE_DECODE');
    expect(withChange([6], studyHash.slice(1))).toBe('CORE_DECODE');
    expect(withChange([6], new Uint8Array(0))).toBe('none');
  });
});

describe('allowAccess', () => {
  const allow = (notAfter: number) => () =>
    createAllowAccess({
      chainId,
      key: patient,
      seq,
      requesterKey: requester.publicKey,
      sourceKey: source.publicKey,
      studyHash,
      notAfter,
    });

  it('ends never or after its seq, and no other is signed or read', () => {
    expect(codeOf(allow(0))).toBe('none');
    expect(codeOf(allow(seq + 1))).toBe('none');
    expect(detailOf(allow(seq))).toEqual({ code: 'CORE_NOT_AFTER', seq, notAfter: seq });
    const value = elementsOf(transactions[2]!.bytes);
    expect(codeOf(() => parseTransaction(encodeCanonical(changed(value, [6], () => 1))))).toBe('CORE_NOT_AFTER');
  });
});

describe('revokeAccess', () => {
  it('carries no key for everyone', () => {
    const tx = createRevokeAccess({
      chainId,
      key: patient,
      seq,
      requesterKey: null,
      sourceKey: source.publicKey,
      studyHash,
    });
    expect(elementsOf(tx.bytes)[3]).toEqual(new Uint8Array(0));
    expect(parseTransaction(tx.bytes).tuple).toMatchObject({ type: 4, requesterKey: null });
    expect(explainTuple(tx.tuple)).toContain('everyone');
    expect(codeOf(() => check(tx.bytes))).toBe('none');
  });
});

describe('claims and reclaims', () => {
  it('stand alone as canonical bytes', () => {
    expect(decodeClaim(encodeClaim(claim))).toEqual(claim);
    expect(decodeReclaim(encodeReclaim(reclaim))).toEqual(reclaim);
    expect(codeOf(() => decodeClaim(encodeReclaim(reclaim)))).toBe('CORE_DECODE');
  });

  it('verify for their network, study and patient only', () => {
    expect(verifyClaim(claim, chainId, nobleVerifier)).toBe(true);
    expect(verifyClaim(claim, sha256(chainId), nobleVerifier)).toBe(false);
    expect(verifyClaim({ ...claim, studyHash: sha256(studyHash) }, chainId, nobleVerifier)).toBe(false);
    expect(verifyClaim({ ...claim, patientKey: newPatient.publicKey }, chainId, nobleVerifier)).toBe(false);
    expect(verifyReclaim(reclaim, chainId, nobleVerifier)).toBe(true);
    expect(verifyReclaim({ ...reclaim, generation: 1 }, chainId, nobleVerifier)).toBe(false);
    const asClaim = { ...claim, patientSig: reclaim.patientSig, patientKey: reclaim.patientKey };
    expect(verifyClaim(asClaim, chainId, nobleVerifier)).toBe(false);
  });

  it('sign nothing that could not be read again', () => {
    const malformed = { chainId, key: patient, sourceKey: source.publicKey, studyHash: studyHash.slice(1) };
    expect(codeOf(() => createClaim(malformed))).toBe('CORE_DECODE');
  });
});

describe('explainTuple', () => {
  it('writes the three tuples of the paper as the paper does', () => {
    const [h, p, d, u] = [source.publicKey, patient.publicKey, requester.publicKey, studyHash].map(key =>
      toHex(key!).slice(0, 8),
    );
    expect(explainTuple(transactions[0]!.tuple)).toBe(
      `{K_H=${h}, URL_H=${url}, K_N=${toHex(node.publicKey).slice(0, 8)}}K_H⁻¹`,
    );
    expect(explainTuple(transactions[1]!.tuple)).toBe(`{K_H=${h}, {K_P=${p}, K_H=${h}, Hash(UID_X)=${u}}K_P⁻¹}K_H⁻¹`);
    expect(explainTuple(transactions[3]!.tuple)).toBe(`{revoke K_P=${p}, K_D=${d}, K_H=${h}, Hash(UID_X)=${u}}K_P⁻¹`);
    expect(explainTuple(transactions[2]!.tuple)).toContain(', until 2026-09-22T');
  });
});

describe('the bytes of a defineStudy', () => {
  it('are the nested array that the paper draws', () => {
    expect(elementsOf(transactions[1]!.bytes)).toEqual([
      2,
      seq,
      [patient.publicKey, source.publicKey, studyHash, claim.patientSig],
      transactions[1]!.tuple.signature,
    ]);
    expect(
      toHex(
        sha256(
          utf8('radpass/content/1\0'),
          chainId,
          encodeCanonical([2, seq, [patient.publicKey, source.publicKey, studyHash]]),
        ),
      ),
    ).toBe(toHex(contentId(chainId, transactions[1]!.tuple)));
  });
});
