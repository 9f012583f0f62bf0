/**
 * What the browser-safe entries answer to questions given as JSON: run in Node and, bundled, in a browser's page. No
 * test framework and nothing of Node in here.
 */
import { NodeApi, sourceSchema } from '@radpass/client';
import {
  type Canonical,
  CodedError,
  cardWords,
  contentId,
  createRequesterCard,
  decodeCanonical,
  encodeCanonical,
  encodeOffer,
  encodeRequesterCard,
  explainTuple,
  fromHex,
  hashStudy,
  Keyring,
  nobleVerifier,
  parseOffer,
  parsePublicKey,
  parseRequesterCard,
  parseStudyInstanceUid,
  parseTransaction,
  randomBytes,
  raw,
  SecretKey,
  studySalt,
  toHex,
  utf8,
} from '@radpass/core';
import { verifyStateProof } from '@radpass/ledger/light';

/** A signature of somebody else's vectors. */
export interface ForeignCase {
  name: string;
  key: string;
  message: string;
  signature: string;
}

/** The files of packages/core/test/vectors, as far as they are read here; README.md there has the format. */
export interface VectorFiles {
  encoding: { accepted: { value: unknown; bytes: string }[]; refused: { bytes: string }[] };
  keys: { accepted: string[]; refused: { key: string }[] };
  tuples: {
    chainId: string;
    accepted: { bytes: string; signatures: { key: string; preimage: string; signature: string }[] }[];
    refused: { bytes: string }[];
  };
  studyHash: { sourceKey: string; saltKey: string; accepted: { studyInstanceUid: string }[]; refused: string[] };
  cards: { offer: { text: string }; requester: { text: string }; refused: string[] };
}

/** 'none', or the code of the error. */
function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof CodedError ? error.code : String(error);
  }
}

function fromJson(value: unknown): Canonical {
  if (typeof value === 'number') return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const { text, hex } = value as { text?: string; hex?: string };
  return text ?? fromHex(hex ?? '');
}

/** Each vector file read from its JSON alone: what is made of the accepted, how the refused are refused. */
export function readVectors(files: VectorFiles) {
  const { encoding, keys, tuples, studyHash, cards } = files;
  const card = (text: string) =>
    text.startsWith('radpass:offer:') ? parseOffer(text) : parseRequesterCard(text, nobleVerifier);
  return {
    encoded: encoding.accepted.map(({ value }) => toHex(encodeCanonical(fromJson(value)))),
    decoded: encoding.accepted.map(({ bytes }) => toHex(encodeCanonical(decodeCanonical(fromHex(bytes), raw(1024))))),
    encodingRefused: encoding.refused.map(({ bytes }) => codeOf(() => decodeCanonical(fromHex(bytes), raw(1024)))),
    keysAccepted: keys.accepted.map(key => codeOf(() => parsePublicKey(key))),
    keysRefused: keys.refused.map(({ key }) => codeOf(() => parsePublicKey(fromHex(key)))),
    tuples: tuples.accepted.map(({ bytes, signatures }) => {
      const tx = parseTransaction(fromHex(bytes));
      return {
        type: tx.tuple.type,
        id: toHex(tx.id),
        contentId: toHex(contentId(fromHex(tuples.chainId), tx.tuple)),
        notation: explainTuple(tx.tuple),
        verified: signatures.map(({ key, preimage, signature }) =>
          nobleVerifier.verify(fromHex(signature), fromHex(preimage), fromHex(key)),
        ),
      };
    }),
    tuplesRefused: tuples.refused.map(({ bytes }) => codeOf(() => parseTransaction(fromHex(bytes)))),
    studies: studyHash.accepted.map(({ studyInstanceUid }) => {
      const salt = studySalt(fromHex(studyHash.saltKey), studyInstanceUid);
      const sourceKey = parsePublicKey(studyHash.sourceKey);
      return [toHex(salt), toHex(hashStudy({ sourceKey, salt, studyInstanceUid }))];
    }),
    uidsRefused: studyHash.refused.map(uid => codeOf(() => parseStudyInstanceUid(uid))),
    offer: encodeOffer(parseOffer(cards.offer.text)),
    requester: encodeRequesterCard(parseRequesterCard(cards.requester.text, nobleVerifier)),
    words: cardWords(parseRequesterCard(cards.requester.text, nobleVerifier)),
    cardsRefused: cards.refused.map(text => codeOf(() => card(text))),
  };
}

/** Of each foreign signature, whether the rule accepts it. */
export function judgeForeign(cases: ForeignCase[]): boolean[] {
  return cases.map(({ key, message, signature }) =>
    nobleVerifier.verify(fromHex(signature), fromHex(message), fromHex(key)),
  );
}

/** Fresh keys from the engine's own randomness: a wallet's backup, a card read back, and keys that differ. */
export function makeFreshKeys() {
  const ring = Keyring.create();
  const again = Keyring.fromBackup(ring.backup());
  const key = SecretKey.generate(randomBytes, 'requester');
  const card = createRequesterCard({
    chainId: randomBytes(32),
    label: 'Dr. Grün',
    keys: [key.publicKey],
    expires: 1,
    key,
  });
  return {
    words: ring.backup().mnemonic.split(' ').length,
    sameKeys: toHex(ring.studyKey(3).publicKey) === toHex(again.studyKey(3).publicKey),
    otherKeys: toHex(Keyring.create().studyKey(3).publicKey) === toHex(ring.studyKey(3).publicKey),
    card: parseRequesterCard(encodeRequesterCard(card), nobleVerifier).label,
    shown: `${key}${JSON.stringify({ key })}`.includes(toHex(key.exportSeed())),
  };
}

/** A leaf of a state and its proof, in hex. */
export interface ProvenLeaf {
  root: string;
  table: number;
  key: string;
  value: string;
  proof: string;
}

/** Whether the proof holds as it is, and with one thing changed. */
export function judgeProof(leaf: ProvenLeaf) {
  const whole = {
    root: fromHex(leaf.root),
    table: leaf.table,
    tableKey: fromHex(leaf.key),
    value: fromHex(leaf.value),
    proof: fromHex(leaf.proof),
  };
  return {
    holds: verifyStateProof(whole),
    otherValue: verifyStateProof({ ...whole, value: utf8('another') }),
    absent: verifyStateProof({ ...whole, value: null }),
    otherRoot: verifyStateProof({ ...whole, root: new Uint8Array(32) }),
  };
}

/** The client over a node that answers what it is told. */
export async function askNode() {
  const answering = (text: string) =>
    new NodeApi({
      url: 'https://node.example.org/',
      fetch: async () => ({
        status: 200,
        headers: { get: () => null },
        arrayBuffer: async () => utf8(text).slice().buffer as ArrayBuffer,
      }),
    });
  const key = SecretKey.fromSeed(new Uint8Array(32).fill(8)).publicKey;
  const asked = async (api: NodeApi) => {
    try {
      return (await api.seqBound({ sourceKey: key })).toString();
    } catch (error) {
      return error instanceof CodedError ? error.code : String(error);
    }
  };
  return {
    bound: await asked(answering('{"bound":1790000040000}')),
    wrong: await asked(answering('{"bound":"soon"}')),
    noJson: await asked(answering('<html>')),
    schema: sourceSchema.safeParse({}).success,
  };
}
