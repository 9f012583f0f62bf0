/** What a gateway asks of whichever of its nodes answers. */
import { type NodeApi, type StudyEntry, studyAt } from '@radpass/client';
import { fromHex, type PublicKey } from '@radpass/core';

/**
 * The study's entry on the ledger as it stands at the node's newest final slot: that of the node which knows the latest
 * owner; null when none knows the study. A reassignment whose time has come counts, whether or not a later transaction
 * has written it down.
 */
export async function ledgerStudy(
  nodes: readonly NodeApi[],
  sourceKey: PublicKey,
  studyHash: string,
): Promise<StudyEntry | null> {
  const answers = await Promise.allSettled(nodes.map(node => node.study(sourceKey, fromHex(studyHash))));
  const answered = answers.flatMap(answer => {
    if (answer.status !== 'fulfilled') return [];
    const { study, checkpoint } = answer.value;
    return [study && studyAt(study, checkpoint.slot)];
  });
  const failed = answers.find(answer => answer.status === 'rejected');
  if (answered.length === 0 && failed) throw failed.reason;
  const entries = answered.flatMap(entry => entry ?? []);
  return entries.sort((a, b) => b.generation - a.generation)[0] ?? null;
}
