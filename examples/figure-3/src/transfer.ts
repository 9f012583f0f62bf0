/** Block D of Figure 3: the doctor's signed ITI-43 request, the hospital's four checks, the images. */
import { join } from 'node:path';
import type { Cast, Granted, Retrieved } from './cast.js';
import { unexpected } from './failure.js';
import { auditOf } from './hospital.js';

const short = (hex: string): string => hex.slice(0, 8);

/** One retrieval by the doctor's program, from the request to the unpacked and checked study. */
async function retrieve(cast: Cast, granted: Granted, folder: string): Promise<Retrieved> {
  const out = join(cast.stage.dir, folder);
  const got = await cast.doctor.run('retrieve', '--grant', String(granted.listed.grant), '--out', out);
  return { documentSha256: String(got.documentSha256), bytes: Number(got.bytes), files: got.files };
}

/** The whole of block D, with the checks that the hospital's own record shows. */
export async function transferImages(cast: Cast, granted: Granted): Promise<Retrieved> {
  const { narrator, hospital } = cast;
  const { studyHash, patientKey, requesterKey } = granted.listed;
  narrator.title('Block D: image transfer');
  narrator.say("the doctor's program finds H's URL on the ledger and sends a signed ITI-43 request there");
  const startedAt = performance.now();
  const got = await retrieve(cast, granted, 'received');
  const ms = Math.round(performance.now() - startedAt);

  const served = (await auditOf(hospital)).findLast(({ kind }) => kind === 'served');
  if (!served || served.requester !== requesterKey || served.studyHash !== studyHash) {
    throw unexpected('block D', "a disclosure record of the doctor's request", served ? 'another' : 'none');
  }
  const request = `{repositoryUniqueId=K_H=${short(hospital.source.sourceKey)}, documentUniqueId=Hash(UID_X)=${short(studyHash)}}`;
  const notation = `${request}K_D=${short(requesterKey)}⁻¹`;
  narrator.say(notation);
  narrator.note("H checks, as the paper lists them (from H's own disclosure record):");
  narrator.note(`1. the signature is correct: by K_D=${short(served.requester)}, over message ${served.messageId}`);
  narrator.note("2. repositoryUniqueId is H's own public key");
  narrator.note(`3. Hash(UID_X) is a study that H published for K_P=${short(patientKey)} (block B)`);
  narrator.note(`4. the ledger says that K_P allowed K_D (block C): final, seen at slot ${served.checkpoint?.slot}`);
  narrator.say(`${(got.bytes / 1e6).toFixed(1)} MB came over TLS, signed by H, and were unpacked: manifest, UID,`);
  narrator.note('salt and hash fit the grant');
  cast.steps.push({
    block: 'D',
    actor: 'doctor',
    notation,
    txId: granted.txId,
    height: granted.height,
    grade: served.grade,
    ms,
  });
  return got;
}

/** The doctor retrieves once more, under another grant: the same document must come. */
export async function retrieveAgain(
  cast: Cast,
  granted: Granted,
  p: { step: string; folder: string; documentSha256: string },
): Promise<void> {
  const { documentSha256 } = await retrieve(cast, granted, p.folder);
  if (documentSha256 !== p.documentSha256) throw unexpected(p.step, `document ${p.documentSha256}`, documentSha256);
}
