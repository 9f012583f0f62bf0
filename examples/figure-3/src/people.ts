/** Patient, doctor and stranger: their commands, and the keys that the demo needs to speak on the wire for them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Inbox } from '@radpass/client';
import { recordFile } from '@radpass/client/node';
import { type SecretKey, toHex } from '@radpass/core';
import { unexpected } from './failure.js';
import type { Source, Stage } from './founding.js';
import type { JsonObject } from './processes.js';

export interface Person {
  home: string;
  /** The node that this person trusts. */
  trusts: Source;
  run: (...args: string[]) => Promise<JsonObject>;
}

/** The patient's wallet; trusts the node of another source than H. */
export function openPatient(stage: Stage, ca: string): Person {
  return openPerson(stage, { app: 'wallet', trusts: stage.others[0], folder: 'patient', args: ['--ca', ca] });
}

/** The doctor's inbox; trusts a third source's node. `--allow-private`, as the hospital is at 127.0.0.1. */
export function openDoctor(stage: Stage, ca: string): Person {
  const args = ['--ca', ca, '--allow-private'];
  return openPerson(stage, { app: 'requester', trusts: stage.others[1], folder: 'doctor', args });
}

function openPerson(
  stage: Stage,
  p: { app: 'wallet' | 'requester'; trusts: Source; folder: string; args: string[] },
): Person {
  const home = join(stage.dir, p.folder);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const common = ['--home', home, '--node', p.trusts.api.url, '--insecure-plain-key', ...p.args];
  return { home, trusts: p.trusts, run: (...args) => stage.processes.run(p.app, [...common, ...args]) };
}

/** What the doctor's inbox shows of one grant. */
export interface ListedGrant {
  grant: number;
  state: string;
  patientKey: string;
  requesterKey: string;
  studyHash: string;
}

/** The grant in the doctor's inbox that was made to this key. */
export async function grantTo(doctor: Person, requesterKey: string): Promise<ListedGrant> {
  const { grants } = (await doctor.run('inbox')) as { grants: ListedGrant[] };
  const found = grants.find(grant => grant.requesterKey === requesterKey);
  if (found) return found;
  throw unexpected("the doctor's inbox", 'the grant', `${grants.length} others`);
}

/** The secret key that a grant was made to, from the doctor's own record. */
export async function doctorKey(doctor: Person, grant: ListedGrant): Promise<SecretKey> {
  const store = recordFile(join(doctor.home, 'inbox'), { kind: 'inbox', plain: true });
  const inbox = await Inbox.open({ store, node: doctor.trusts.api, now: () => Date.now() });
  const entry = (await inbox.grants()).find(candidate => toHex(candidate.requesterKey) === grant.requesterKey);
  if (entry) return inbox.keyOf(entry);
  throw unexpected("the doctor's inbox", 'the key of the grant', 'none');
}
