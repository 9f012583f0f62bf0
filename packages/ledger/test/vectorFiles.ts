/** The files of test/vectors and what makes each; format: test/vectors/README.md. */
import { auditVectors } from './auditVectors.js';
import { drawVectors } from './drawVectors.js';
import { eraCases, runEraCase } from './eraSteps.js';
import { evidenceVectors } from './evidenceVectors.js';
import { stakeVectors } from './stakeVectors.js';
import { stateVectors, transactionVectors } from './stateVectors.js';
import { forkChoiceCases, runVoteCase, type VoteCase, voteCases } from './voteSteps.js';
import { worked } from './worked.js';

const withOutcomes = (cases: readonly VoteCase[]) => ({
  cases: cases.map(one => ({ ...one, outcomes: runVoteCase(one) })),
});

export const vectorFiles: Readonly<Record<string, () => unknown>> = {
  consensus: worked,
  draw: drawVectors,
  stake: stakeVectors,
  forkChoice: () => withOutcomes(forkChoiceCases),
  votes: () => withOutcomes(voteCases),
  eras: () => ({ cases: eraCases.map(era => ({ ...era, recorded: runEraCase(era) })) }),
  evidence: evidenceVectors,
  state: stateVectors,
  transactions: transactionVectors,
  audit: auditVectors,
};
