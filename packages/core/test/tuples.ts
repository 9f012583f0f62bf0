/** A valid tuple of every type, for tests to change one thing of. */
import {
  bindNode,
  createAccredit,
  createAllowAccess,
  createClaim,
  createDefineSource,
  createDefineStudy,
  createKeepStudy,
  createReassignStudy,
  createReclaim,
  createRevokeAccess,
  createRotateSource,
  createWithdrawStudy,
  type KeyRole,
  SecretKey,
  sha256,
  type Transaction,
  utf8,
} from '../dist/index.js';

export const chainId = sha256(utf8('test network'));
const keyOf = (name: string, role: KeyRole): SecretKey => SecretKey.fromSeed(sha256(utf8(name)), role);
export const source = keyOf('source', 'source');
export const nextSource = keyOf('next source', 'source');
export const node = keyOf('node', 'node');
export const patient = keyOf('patient', 'patient');
export const newPatient = keyOf('new patient', 'patient');
export const requester = keyOf('requester', 'requester');
export const payer = keyOf('payer', 'any');
export const studyHash = sha256(utf8('study'));
export const url = 'https://images.example.org:8443/iti43';
export const seq = 1_790_000_040_000;

const sourceKey = source.publicKey;
const study = { sourceKey, studyHash };

export const claim = createClaim({ chainId, key: patient, ...study });
export const reclaim = createReclaim({
  chainId,
  key: newPatient,
  previousPatientKey: patient.publicKey,
  ...study,
  generation: 0,
});

/** Type 1 to 9, in order. */
export const transactions: readonly Transaction[] = [
  createDefineSource({
    chainId,
    key: source,
    seq,
    sourceKey,
    url,
    nodeKey: node.publicKey,
    tlsPins: [sha256(utf8('tls'))],
    nextKeyHash: sha256(nextSource.publicKey),
    stamp: 300,
    nodeSig: bindNode({ chainId, nodeKey: node, sourceKey, seq }),
  }),
  createDefineStudy({ chainId, key: source, time: seq, claim }),
  createAllowAccess({
    chainId,
    key: patient,
    seq,
    requesterKey: requester.publicKey,
    ...study,
    notAfter: seq + 86_400_000,
    receiptHash: sha256(utf8('receipt')),
  }),
  createRevokeAccess({ chainId, key: patient, seq, requesterKey: requester.publicKey, ...study }),
  createReassignStudy({ chainId, key: source, reclaim }),
  createKeepStudy({ chainId, key: patient, ...study, reassignId: sha256(utf8('reassignment')) }),
  createRotateSource({ chainId, key: nextSource, seq, sourceKey, nextKeyHash: sha256(utf8('third key')) }),
  createWithdrawStudy({ chainId, key: source, seq, ...study }),
  createAccredit({ chainId, key: payer, seq, sourceKey, until: seq + 1, maxStudies: 1000 }),
];
