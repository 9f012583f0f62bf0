/**
 * The whole walk. Waiting is overlapped where the story stays honest: the next card or offer is prepared while a tuple
 * becomes final, and the second grant is posted while the first one's images travel.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '@radpass/core';
import { allowAccess, defineSource, defineStudy, makeCard, offerAndClaim } from './blocks.js';
import { type Cast, type Granted, gatherCast } from './cast.js';
import { writeCertificates } from './certificates.js';
import { cutOffAndReconnect } from './cutOff.js';
import { setStage, slotMs, sourceCount } from './founding.js';
import { killAndRestart } from './hardStop.js';
import { maxStalenessMs, openHospital } from './hospital.js';
import type { Narrator } from './narrator.js';
import type { Processes, Running } from './processes.js';
import { attemptAfterRevocation, attemptAfterTransfer } from './refusals.js';
import type { Report } from './report.js';
import { compareFiles, openStudy, type StudyFolder } from './study.js';
import { transferImages } from './transfer.js';

/** What the walk leaves: everything still runs. */
export interface Walked {
  cast: Cast;
  gateway: Running;
  /** Stands at the end. */
  granted: Granted;
  revoked: Granted;
  report: Omit<Report, 'nodes' | 'took_ms'>;
}

export interface Init {
  dir: string;
  study?: string | undefined;
  narrator: Narrator;
  processes: Processes;
}

export async function walkFigure3(init: Init): Promise<Walked> {
  const { narrator } = init;
  const cast = await raiseCurtain(init);
  const { hospital } = cast;

  const starting = hospital.start();
  const [gateway, claim] = await Promise.all([starting, starting.then(() => offerAndClaim(cast)), defineSource(cast)]);
  const [card] = await Promise.all([makeCard(cast), defineStudy(cast, claim)]);

  narrator.title('Block C: Allow Access');
  narrator.say('doctor D shows a card with fresh keys; patient and doctor compare the words on both screens');
  narrator.note(`both screens show: ${card.words}`);
  const first = await (await allowAccess(cast, card))();
  const [retrieved, tellSecond] = await Promise.all([transferImages(cast, first), allowAccess(cast, card)]);
  const { documentSha256 } = retrieved;

  await attemptAfterTransfer(cast, first);
  const tellRevocation = await attemptAfterRevocation(cast, first);
  const second = await tellSecond('the patient had allowed again, with another key of the card: ');

  await cutOffAndReconnect(cast, second, documentSha256);
  await tellRevocation('the revocation is on the ledger: ');
  const third = await killAndRestart(cast, {
    allow: async () => (await allowAccess(cast, card))(),
    documentSha256,
  });

  const files = await compareFiles(cast.study, retrieved.files);
  narrator.title('The end');
  narrator.say(`${files.length} files compared byte for byte: the doctor has exactly what the hospital has`);
  const { steps, refusals } = cast;
  const chainId = toHex(cast.stage.genesis.chainId);
  return {
    cast,
    gateway,
    granted: third,
    revoked: first,
    report: { ok: true, chainId, steps, refusals, files, documentSha256 },
  };
}

/** Keys, genesis, nodes, certificates, the study. */
async function raiseCurtain({ dir, study: given, narrator, processes }: Init): Promise<Cast> {
  for (const folder of ['hospital', 'tls']) mkdirSync(join(dir, folder), { mode: 0o700 });
  const study = await openStudy(given, join(dir, 'hospital', 'images'));
  narrator.say(`${describe(study)}; everything else is in ${dir}`);
  const [tls, stage] = await Promise.all([writeCertificates(join(dir, 'tls')), setStage(dir, processes)]);
  const images = { kind: 'folder', path: study.path };
  const hospital = await openHospital(stage, { images, tls, policy: { maxStalenessMs } });
  narrator.say(`${sourceCount} sources founded a ledger with slots of ${slotMs / 1000} s; each runs a node`);
  narrator.note(
    `${stage.hospital.name} is hospital H, the one that leads most slots in which the demo will cut it off`,
  );
  return gatherCast({ stage, narrator, tls, study, hospital });
}

function describe({ isPhantom, path, summary }: StudyFolder): string {
  const { modality, instances, bytes } = summary;
  const size = bytes === null ? '' : `, ${(bytes / 1e6).toFixed(1)} MB`;
  const what = `${modality} study of ${instances} file${instances === 1 ? '' : 's'}${size}`;
  return isPhantom ? `a ${what}, of nobody (Shepp-Logan phantom)` : `a ${what}, in ${path}`;
}
