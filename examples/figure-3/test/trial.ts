/** The demo's cast for another story: the programs started, a study that its patient claimed, a doctor's card. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { SecretKey } from '@radpass/core';
import { allowAccess, type Card, defineStudy, makeCard, offerAndClaim } from '../dist/blocks.js';
import { type Cast, type Granted, gatherCast } from '../dist/cast.js';
import { writeCertificates } from '../dist/certificates.js';
import { setStage } from '../dist/founding.js';
import { openHospital } from '../dist/hospital.js';
import { Narrator } from '../dist/narrator.js';
import { type JsonObject, Processes } from '../dist/processes.js';
import { requestBy } from '../dist/refusals.js';
import { openStudy } from '../dist/study.js';
import { type Outcome, post, readOutcome } from '../dist/wire.js';

export interface Trial {
  cast: Cast;
  card: Card;
  /** The patient allows the doctor another time. */
  allow(): Promise<Granted>;
  /** One request by this key, over the wire. */
  ask(key: SecretKey, studyHash: string): Promise<Outcome>;
  close(): Promise<void>;
}

/**
 * @param p.images - of the gateway's configuration
 * @param p.study - folder with files of the study that is shared
 * @param p.genesis - flags of `genesis new`; the demo's by default
 */
export async function startTrial(p: {
  images: JsonObject;
  study: string;
  genesis?: readonly string[];
}): Promise<Trial> {
  const dir = mkdtempSync(join(tmpdir(), 'radpass-trial-'));
  for (const name of ['hospital', 'logs']) mkdirSync(join(dir, name));
  const processes = new Processes(join(dir, 'logs'));
  const close = async (): Promise<void> => {
    await processes.close();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const tls = await writeCertificates(dir);
    const stage = await setStage(dir, processes, p.genesis);
    const hospital = await openHospital(stage, { images: p.images, tls });
    const study = await openStudy(p.study, '');
    const cast = gatherCast({ stage, narrator: new Narrator(new PassThrough().resume()), tls, study, hospital });
    await hospital.start();
    await defineStudy(cast, await offerAndClaim(cast));
    const card = await makeCard(cast);
    return {
      cast,
      card,
      allow: async () => (await allowAccess(cast, card))(),
      async ask(key, studyHash) {
        const { url, sourceKey } = hospital.source;
        const message = requestBy(cast, key, { studyHash });
        return readOutcome(await post(url, readFileSync(tls.ca, 'utf8'), message), message, sourceKey);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
