/** Everybody and everything that the later steps work with. */
import { SecretKey } from '@radpass/core';
import type { Certificates } from './certificates.js';
import type { Stage } from './founding.js';
import type { Hospital } from './hospital.js';
import type { Narrator } from './narrator.js';
import { type ListedGrant, openDoctor, openPatient, type Person } from './people.js';
import type { ReportedRefusal, ReportedStep } from './report.js';
import type { StudyFolder } from './study.js';

export interface Cast {
  stage: Stage;
  narrator: Narrator;
  tls: Certificates;
  study: StudyFolder;
  hospital: Hospital;
  patient: Person;
  doctor: Person;
  stranger: SecretKey;
  steps: ReportedStep[];
  refusals: ReportedRefusal[];
}

/** The people join; nothing was posted or refused yet. */
export function gatherCast(p: Pick<Cast, 'stage' | 'narrator' | 'tls' | 'study' | 'hospital'>): Cast {
  return {
    ...p,
    patient: openPatient(p.stage, p.tls.ca),
    doctor: openDoctor(p.stage, p.tls.ca),
    stranger: SecretKey.generate(),
    steps: [],
    refusals: [],
  };
}

/** A grant of the patient's to one of the doctor's keys. */
export interface Granted {
  txId: string;
  height: number;
  listed: ListedGrant;
}

/** A study as the doctor's program reports it. */
export interface Retrieved {
  documentSha256: string;
  bytes: number;
  files: unknown;
}
