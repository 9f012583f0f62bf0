/**
 * Which rules a block is judged by: a release carries the versions that it knows, each with its first epoch, so that all
 * nodes change over in one slot. Whoever meets a version beyond them, on a block that the slot's leader signed, knows that
 * the network went on without it, and stops voting, producing and serving until it is replaced by a newer release.
 *
 * The frame of a block ([header, signature, body]) and the fields of a header stay as they are in every version.
 */
export interface RulesVersion {
  readonly version: number;
  readonly firstEpoch: number;
}

/** Ascending in both. */
export const rulesVersions: readonly RulesVersion[] = Object.freeze([{ version: 1, firstEpoch: 0 }]);

/** The version that stands in the headers of an epoch's blocks. */
export function rulesVersionAt(epoch: number, known: readonly RulesVersion[] = rulesVersions): number {
  return known.findLast(({ firstEpoch }) => firstEpoch <= epoch)!.version;
}

/** Whether blocks of this version can be judged here. */
export function knowsVersion(version: number, known: readonly RulesVersion[] = rulesVersions): boolean {
  return known.some(entry => entry.version === version);
}
