/** The worked examples of docs/protocol.md, by the name that marks their place there. */
import {
  type Canonical,
  cardWords,
  claimWords,
  contentId,
  decodeCanonical,
  encodeCanonical,
  encodeOffer,
  encodeRequesterCard,
  fromBase64Url,
  hashStudy,
  raw,
  sha256,
  studySalt,
  type Tuple,
  toHex,
  utf8,
} from '../dist/index.js';
import { chainId, claim, patient, source, studyHash, transactions } from './tuples.js';
import { card, offer, studyInstanceUid } from './vectorData.js';

type Names = readonly (string | Names)[];

const claimNames: Names = ['patientKey', 'sourceKey', 'studyHash', 'patientSig'];
const reclaimNames: Names = ['patientKey', 'previousPatientKey', 'sourceKey', 'studyHash', 'generation', 'patientSig'];
const parties = ['patientKey', 'requesterKey', 'sourceKey', 'studyHash'];
const fieldNames: Record<Tuple['type'], Names> = {
  1: ['seq', 'sourceKey', 'url', 'nodeKey', ['tlsPins'], 'nextKeyHash', 'stamp', 'nodeSig'],
  2: ['time', claimNames],
  3: ['seq', ...parties, 'notAfter', 'receiptHash'],
  4: ['seq', ...parties],
  5: [reclaimNames],
  6: ['patientKey', 'sourceKey', 'studyHash', 'reassignId'],
  7: ['seq', 'sourceKey', 'newKey', 'nextKeyHash'],
  8: ['seq', 'sourceKey', 'studyHash'],
  9: ['seq', 'payerKey', 'sourceKey', 'until', 'maxStudies'],
};

/** Bytes of a value, an element a line, with its name; byte strings in full. */
function dump(value: Canonical, name: string | Names | undefined, indent = ''): string[] {
  if (Array.isArray(value)) {
    const names = Array.isArray(name) ? name : [];
    const head = toHex(encodeCanonical(value)).slice(0, 2);
    return [
      `${indent}${head}  array of ${value.length}`,
      ...value.flatMap((item: Canonical, i) => dump(item, names[i], `${indent}  `)),
    ];
  }
  const hex = toHex(encodeCanonical(value));
  const shown = value instanceof Uint8Array ? '' : ` ${value}`;
  return [`${indent}${hex}  ${String(name)}${shown}`];
}

function tupleExample(type: Tuple['type']): string {
  const { bytes, id, tuple } = transactions[type - 1]!;
  const names: Names = ['type', ...fieldNames[type], 'signature'];
  const lines = dump(decodeCanonical(bytes, raw(2048)), names);
  return [...lines, '', `id         ${toHex(id)}`, `contentId  ${toHex(contentId(chainId, tuple))}`].join('\n');
}

const saltKey = sha256(utf8('salt key'));
const salt = studySalt(saltKey, studyInstanceUid);
const hashWith = (with_: Uint8Array) =>
  toHex(hashStudy({ sourceKey: source.publicKey, salt: with_, studyInstanceUid }));
const cardBytes = (text: string) => fromBase64Url(text.split(':')[2]!);

export const examples: ReadonlyMap<string, string> = new Map([
  [
    'encoding',
    dump(
      [1, 128, 1_790_000_040_000, 'a', Uint8Array.of(255), []],
      ['number', 'number', 'number', 'text', "bytes h'ff'"],
    ).join('\n'),
  ],
  [
    'preimage',
    [
      `${toHex(utf8('radpass/claim/1'))}  "radpass/claim/1"`,
      '00',
      `${toHex(chainId)}  chainId`,
      `${toHex(encodeCanonical([claim.patientKey, claim.sourceKey, claim.studyHash]))}  message`,
      '',
      `signature  ${toHex(claim.patientSig)}`,
    ].join('\n'),
  ],
  ...([1, 2, 3, 4, 5, 6, 7, 8, 9] as const).map(type => [`tuple-${type}`, tupleExample(type)] as const),
  [
    'study-hash',
    [
      `sourceKey  ${toHex(source.publicKey)}`,
      `salt key   ${toHex(saltKey)}`,
      `UID        ${studyInstanceUid}`,
      `salt       ${toHex(salt)}`,
      `studyHash  ${hashWith(salt)}`,
      `plain form ${hashWith(new Uint8Array(0))}`,
    ].join('\n'),
  ],
  [
    'offer',
    [
      encodeOffer(offer),
      '',
      ...dump(decodeCanonical(cardBytes(encodeOffer(offer)), raw(2048)), [
        'chainId',
        'sourceKey',
        'url',
        'token',
        'expires',
      ]),
    ].join('\n'),
  ],
  [
    'requester-card',
    [
      encodeRequesterCard(card),
      '',
      ...dump(decodeCanonical(cardBytes(encodeRequesterCard(card)), raw(2048)), [
        'chainId',
        `label "${card.label}"`,
        ['key', 'key'],
        'expires',
        'signature',
      ]),
      '',
      `words  ${cardWords(card).join(' ')}`,
    ].join('\n'),
  ],
  [
    'claim-words',
    [
      `patientKey  ${toHex(patient.publicKey)}`,
      `studyHash   ${toHex(studyHash)}`,
      `SHA-256     ${toHex(sha256(patient.publicKey, studyHash))}`,
      `words       ${claimWords(patient.publicKey, studyHash).join(' ')}`,
    ].join('\n'),
  ],
]);
