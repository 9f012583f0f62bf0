/**
 * Seqs of a patientKey's grants on one study that stand above its floor: what tells whether a revocation of everyone ends
 * at least one grant (and so needs no quota) without walking all consent entries.
 *
 * At most 64 are kept, the least; `beyond` counts the others, none of which is below the last one kept. When all that is
 * kept has ended and others remain, the least seq that one of them could have takes their place. Nobody but an attacker
 * on his own study has more than 64 requesters, and the error then is one revocation that needs no quota.
 */
import type { ConsentScope } from './quotas.js';
import type { StateLayer, StateSource } from './stateView.js';
import { type StandingGrants, standingGrantsKept, standingGrantsTable } from './tables.js';

const none: StandingGrants = { seqs: [], beyond: 0 };

export function withGrant({ seqs, beyond }: StandingGrants, seq: number): StandingGrants {
  const last = seqs.at(-1);
  if (beyond > 0 && last !== undefined && seq > last) return { seqs, beyond: beyond + 1 };
  const all = [...seqs, seq].sort((a, b) => a - b);
  return { seqs: all.slice(0, standingGrantsKept), beyond: beyond + Math.max(0, all.length - standingGrantsKept) };
}

/** `least`: lower bound of the seqs that were left out. */
function refilled({ seqs, beyond }: StandingGrants, least: number): StandingGrants {
  return seqs.length === 0 && beyond > 0 ? { seqs: [least], beyond: beyond - 1 } : { seqs, beyond };
}

export function withoutGrant({ seqs, beyond }: StandingGrants, seq: number): StandingGrants {
  const at = seqs.indexOf(seq);
  if (at < 0) return { seqs, beyond: Math.max(0, beyond - 1) };
  return refilled({ seqs: seqs.toSpliced(at, 1), beyond }, seq);
}

export function aboveFloor({ seqs, beyond }: StandingGrants, floorSeq: number): StandingGrants {
  return refilled({ seqs: seqs.filter(seq => seq > floorSeq), beyond }, floorSeq + 1);
}

export function standingGrants(state: StateSource, of: ConsentScope): StandingGrants {
  return standingGrantsTable.get(state, of.sourceKey, of.studyHash, of.patientKey) ?? none;
}

export function saveStandingGrants(layer: StateLayer, of: ConsentScope, grants: StandingGrants): void {
  const value = grants.seqs.length === 0 ? null : grants;
  standingGrantsTable.set(layer, value, of.sourceKey, of.studyHash, of.patientKey);
}
