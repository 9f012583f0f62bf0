/** A study as it stands at a slot: who reads its entry at slot >= effectSlot takes pendingOwner as owner, generation + 1. */
import type { StudyEntry } from './nodeSchemas.js';

export function studyAt(study: StudyEntry, slot: number): StudyEntry {
  const { pendingOwner, effectSlot, generation } = study;
  if (!pendingOwner || slot < effectSlot) return study;
  const settled = { pendingOwner: null, effectSlot: 0, reassignId: new Uint8Array(0) };
  return { ...study, ...settled, owner: pendingOwner, ownerSinceSlot: effectSlot, generation: generation + 1 };
}
