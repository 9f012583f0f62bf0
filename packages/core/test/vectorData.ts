/** The vectors in test/vectors, made from the tuples of tuples.ts. Format: test/vectors/README.md. */
import {
  type Canonical,
  cardWords,
  claimWords,
  contentId,
  createRequesterCard,
  encodeCanonical,
  encodeOffer,
  encodeRequesterCard,
  explainTuple,
  fromHex,
  hashStudy,
  Keyring,
  type Purpose,
  purposes,
  SecretKey,
  sha256,
  signatureChecks,
  signingPreimage,
  studySalt,
  toBase64Url,
  toHex,
  utf8,
} from '../dist/index.js';
import {
  chainId,
  newPatient,
  nextSource,
  node,
  patient,
  payer,
  requester,
  source,
  studyHash,
  transactions,
  url,
} from './tuples.js';

/** A canonical value in JSON: bytes as {hex}, text as {text}. */
function toJson(value: Canonical): unknown {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return { text: value };
  return value instanceof Uint8Array ? { hex: toHex(value) } : value.map(toJson);
}

const values: Canonical[] = [
  0,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 32 - 1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  '',
  'https://images.example.org',
  'a'.repeat(31),
  'a'.repeat(32),
  new Uint8Array(0),
  fromHex('ff'),
  new Uint8Array(32).fill(7),
  [],
  [1, 'a', fromHex('ff')],
  [[[[[[[[1]]]]]]]],
  Array(15).fill(0),
  Array(16).fill(0),
];

const refusedEncodings: [why: string, bytes: string][] = [
  ['empty', ''],
  ['bytes behind the value', '0100'],
  ['u8 where a fixed number fits', 'cc7f'],
  ['u16 where u8 fits', 'cd00ff'],
  ['u32 where u16 fits', 'ce0000ffff'],
  ['u64 where u32 fits', 'cf00000000ffffffff'],
  ['2^53', 'cf0020000000000000'],
  ['signed 64-bit number', 'd30000000100000000'],
  ['negative number', 'ff'],
  ['nil', 'c0'],
  ['boolean', 'c3'],
  ['float', 'cb4000000000000000'],
  ['map', '8101c0'],
  ['extension', 'd40100'],
  ['bin16 where bin8 fits', 'c50001ff'],
  ['str8 where a fixed header fits', 'd90161'],
  ['text beyond ASCII', 'a2c3a9'],
  ['control character', 'a10a'],
  ['array16 where a fixed header fits', 'dc000101'],
  ['array longer than the bytes', '9201'],
  ['nine arrays in one another', '91919191919191919101'],
];

export const encodingVectors = {
  accepted: values.map(value => ({ value: toJson(value), bytes: toHex(encodeCanonical(value)) })),
  refused: refusedEncodings.map(([why, bytes]) => ({ why, bytes })),
};

const message = utf8('message');
const preimageOf = (purpose: Purpose) => ({ purpose, preimage: toHex(signingPreimage(purpose, chainId, message)) });
export const preimageVectors = {
  chainId: toHex(chainId),
  message: toHex(message),
  preimages: purposes.map(preimageOf),
};

export const keyVectors = {
  accepted: [source, requester]
    .map(key => toHex(key.publicKey))
    .concat(`02${'00'.repeat(31)}`, `eb${'ff'.repeat(30)}7f`),
  refused: [
    ['small order', `${'00'.repeat(32)}`],
    ['small order', `${'00'.repeat(31)}80`],
    ['small order', `01${'00'.repeat(31)}`],
    ['small order', `01${'00'.repeat(30)}80`],
    ['small order', `ec${'ff'.repeat(30)}7f`],
    ['small order', `ec${'ff'.repeat(31)}`],
    ['small order', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['small order', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
    ['small order', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['small order', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'],
    ['not reduced', `ed${'ff'.repeat(30)}7f`],
    ['not reduced', 'ff'.repeat(32)],
    ['length', '00'.repeat(31)],
  ].map(([why, key]) => ({ why, key })),
};

const seedOf = (name: string, key: SecretKey) => ({
  name,
  seed: toHex(key.exportSeed()),
  publicKey: toHex(key.publicKey),
});

export const tupleVectors = {
  chainId: toHex(chainId),
  keys: [
    seedOf('source', source),
    seedOf('nextSource', nextSource),
    seedOf('node', node),
    seedOf('patient', patient),
    seedOf('newPatient', newPatient),
    seedOf('requester', requester),
    seedOf('payer', payer),
  ],
  accepted: transactions.map(tx => ({
    type: tx.tuple.type,
    notation: explainTuple(tx.tuple),
    bytes: toHex(tx.bytes),
    id: toHex(tx.id),
    contentId: toHex(contentId(chainId, tx.tuple)),
    signatures: signatureChecks(tx, chainId).map(({ signer, key, preimage, signature }) => ({
      signer,
      key: toHex(key),
      preimage: toHex(preimage),
      signature: toHex(signature),
    })),
  })),
  refused: [
    { code: 'CORE_TRANSACTION_TYPE', bytes: toHex(encodeCanonical([10, 1])) },
    { code: 'CORE_DECODE', bytes: toHex(transactions[2]!.bytes.slice(0, -1)) },
    { code: 'CORE_PUBLIC_KEY', bytes: refusedTuple([8, 1, new Uint8Array(32), studyHash, new Uint8Array(64)]) },
    { code: 'CORE_URL', bytes: refusedTuple(defineSourceWith('http://images.example.org')) },
    { code: 'CORE_NOT_AFTER', bytes: refusedTuple(allowAccessWith(5, 5)) },
  ],
};

function refusedTuple(elements: Canonical[]): string {
  return toHex(encodeCanonical(elements));
}
function defineSourceWith(badUrl: string): Canonical[] {
  const [key, none] = [source.publicKey, new Uint8Array(0)];
  return [1, 5, key, badUrl, key, [], none, 0, new Uint8Array(64), new Uint8Array(64)];
}
function allowAccessWith(seq: number, notAfter: number): Canonical[] {
  const keys = [patient.publicKey, requester.publicKey, source.publicKey];
  return [3, seq, ...keys, studyHash, notAfter, new Uint8Array(0), new Uint8Array(64)];
}

export const studyInstanceUid = '1.2.840.113619.2.55.3.604688119.971.1448978231.467';
const saltKey = sha256(utf8('salt key'));
export const studyHashVectors = {
  sourceKey: toHex(source.publicKey),
  saltKey: toHex(saltKey),
  accepted: [studyInstanceUid, `${studyInstanceUid}\0`, '2.25.0 '].map(text => {
    const salt = studySalt(saltKey, text);
    const hash = (with_: Uint8Array) =>
      toHex(hashStudy({ sourceKey: source.publicKey, salt: with_, studyInstanceUid: text }));
    return { studyInstanceUid: text, salt: toHex(salt), salted: hash(salt), plain: hash(new Uint8Array(0)) };
  }),
  refused: ['', '1', '1.02', '1..2', '1.a', `1.${'2'.repeat(63)}`],
};

export const offer = {
  chainId,
  sourceKey: source.publicKey,
  url,
  token: sha256(utf8('token')),
  expires: 1_790_000_940_000,
};
export const card = createRequesterCard({
  chainId,
  label: 'Dr. Grün',
  keys: [requester.publicKey, SecretKey.fromSeed(sha256(utf8('second key'))).publicKey],
  expires: 1_800_000_000_000,
  key: requester,
});
const ring = Keyring.fromBackup({
  mnemonic: 'legal winner thank year wave sausage worth useful legal winner thank yellow',
  device: 1234,
});

export const cardVectors = {
  offer: {
    text: encodeOffer(offer),
    chainId: toHex(chainId),
    sourceKey: toHex(source.publicKey),
    url,
    token: toHex(offer.token),
    expires: offer.expires,
  },
  requester: {
    text: encodeRequesterCard(card),
    chainId: toHex(chainId),
    label: card.label,
    keys: card.keys.map(toHex),
    expires: card.expires,
    signature: toHex(card.signature),
    words: cardWords(card),
  },
  claimWords: {
    patientKey: toHex(patient.publicKey),
    studyHash: toHex(studyHash),
    words: claimWords(patient.publicKey, studyHash),
  },
  refused: [
    `radpass:card:${toBase64Url(encodeCanonical([1]))}`,
    `radpass:offer:${toBase64Url(encodeCanonical([1]))}`,
    `${encodeOffer(offer)}=`,
    encodeRequesterCard({ ...card, label: 'Dr. Rot' }),
  ],
};

export const keyringVectors = {
  ...ring.backup(),
  keys: [0, 1, 2].map(index => {
    const key = ring.studyKey(index);
    return { index, seed: toHex(key.exportSeed()), publicKey: toHex(key.publicKey) };
  }),
};
