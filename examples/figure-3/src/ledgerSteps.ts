/** Following a posted tuple to final, and telling about it. */
import { fromHex } from '@radpass/core';
import type { Cast } from './cast.js';
import type { Source } from './founding.js';
import type { ReportedStep } from './report.js';

const finalTimeoutMs = 60_000;

export interface Posted {
  block: ReportedStep['block'];
  actor: ReportedStep['actor'];
  txId: string;
  /** By performance.now(). */
  postedAt: number;
  /** Sources on whose nodes it must be final. */
  at: readonly Source[];
}

/** Begin to wait now. @returns a function that waits for the end, reports it and shows the tuple in the paper's notation */
export function follow(cast: Cast, posted: Posted): (lead?: string) => Promise<ReportedStep> {
  // Settled, so that a failure waits for whoever asks instead of ending the process.
  const settled = Promise.allSettled([untilFinal(posted)]);
  return async (lead = '') => {
    const [result] = await settled;
    if (result.status === 'rejected') throw result.reason;
    const step = result.value;
    const { notation, height, ms, txId } = step;
    cast.steps.push(step);
    cast.narrator.say(`${lead}${notation}`);
    cast.narrator.note(`final in block ${height}, ${(ms / 1000).toFixed(1)} s after posting; transaction ${txId}`);
    return step;
  };
}

async function untilFinal({ block, actor, txId, postedAt, at }: Posted): Promise<ReportedStep> {
  const entries = await Promise.all(
    at.map(({ api }) => api.waitFor(fromHex(txId, 32), 'final', { timeoutMs: finalTimeoutMs })),
  );
  const ms = Math.round(performance.now() - postedAt);
  const { notation = '', height = 0 } = entries[0] ?? {};
  return { block, actor, notation, txId, height, grade: 'final', ms };
}
