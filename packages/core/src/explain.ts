/**
 * A tuple in the paper's notation: {elements}K⁻¹ is signed by the secret half of K. Every name is followed by the first
 * eight hex digits of its value.
 */
import { toHex } from './bytes.js';
import type { PublicKey } from './keys.js';
import type { Tuple } from './transaction.js';

const short = (name: string, value: Uint8Array): string => `${name}=${toHex(value).slice(0, 8)}`;
const source = (key: PublicKey): string => short('K_H', key);
const patient = (key: PublicKey): string => short('K_P', key);
const study = (hash: Uint8Array): string => short('Hash(UID_X)', hash);
const date = (ms: number): string => (ms <= 8.64e15 ? new Date(ms).toISOString().replace(':00.000Z', 'Z') : `${ms} ms`);

/** One line for people: who signed what. Example: {K_H=8a88e3dd, {K_P=…, K_H=…, Hash(UID_X)=…}K_P⁻¹}K_H⁻¹ */
export function explainTuple(tuple: Tuple): string {
  switch (tuple.type) {
    case 1: {
      const { sourceKey, url, nodeKey } = tuple;
      return `{${source(sourceKey)}, URL_H=${url === '' ? 'closed' : url}, ${short('K_N', nodeKey)}}K_H⁻¹`;
    }
    case 2: {
      const { patientKey, sourceKey, studyHash } = tuple.claim;
      return `{${source(sourceKey)}, {${patient(patientKey)}, ${source(sourceKey)}, ${study(studyHash)}}K_P⁻¹}K_H⁻¹`;
    }
    case 3: {
      const { patientKey, requesterKey, sourceKey, studyHash, notAfter } = tuple;
      const end = notAfter === 0 ? '' : `, until ${date(notAfter)}`;
      return `{${patient(patientKey)}, ${short('K_D', requesterKey)}, ${source(sourceKey)}, ${study(studyHash)}${end}}K_P⁻¹`;
    }
    case 4: {
      const { patientKey, requesterKey, sourceKey, studyHash } = tuple;
      const whom = requesterKey === null ? 'everyone' : short('K_D', requesterKey);
      return `{revoke ${patient(patientKey)}, ${whom}, ${source(sourceKey)}, ${study(studyHash)}}K_P⁻¹`;
    }
    case 5: {
      const { patientKey, previousPatientKey, sourceKey, studyHash } = tuple.reclaim;
      const inner = `${patient(patientKey)}, instead of ${patient(previousPatientKey)}, ${source(sourceKey)}, ${study(studyHash)}`;
      return `{reassign ${source(sourceKey)}, {${inner}}K_P⁻¹}K_H⁻¹`;
    }
    case 6: {
      const { patientKey, sourceKey, studyHash, reassignId } = tuple;
      return `{keep ${patient(patientKey)}, ${source(sourceKey)}, ${study(studyHash)}, ${short('not', reassignId)}}K_P⁻¹`;
    }
    case 7:
      return `{rotate ${source(tuple.sourceKey)}, ${short('K_H′', tuple.newKey)}}K_H′⁻¹`;
    case 8:
      return `{withdraw ${source(tuple.sourceKey)}, ${study(tuple.studyHash)}}K_H⁻¹`;
    case 9: {
      const { payerKey, sourceKey, until, maxStudies } = tuple;
      return `{accredit ${short('K_Y', payerKey)}, ${source(sourceKey)}, until ${date(until)}, ${maxStudies} studies}K_Y⁻¹`;
    }
  }
}
