/**
 * Blocks A to C of Figure 3. What the next block needs is prepared while the one before becomes final: the doctor's
 * card, the offer; the tuples themselves are posted in the paper's order.
 */
import { join } from 'node:path';
import { fromHex, parseTransaction, toHex } from '@radpass/core';
import type { Cast, Granted } from './cast.js';
import { unexpected } from './failure.js';
import { follow } from './ledgerSteps.js';
import { grantTo } from './people.js';

/** Block A: H links its key to the URL at which it serves. */
export async function defineSource(cast: Cast): Promise<void> {
  const { stage, narrator, hospital } = cast;
  const { source } = hospital;
  const binding = join(source.keyDir, 'binding.json');
  narrator.title('Block A: Define Source');
  narrator.say('hospital H publishes where it answers image requests, and the hash of its TLS key');
  await stage.processes.run('node', [
    ...['bind', '--key', join(source.keyDir, 'node.key'), '--source', source.sourceKey],
    ...['--genesis', stage.genesisFile, '--out', binding],
  ]);
  const postedAt = performance.now();
  const posted = await hospital.run('source', 'define', '--binding', binding, '--pin-tls');
  await follow(cast, { block: 'A', actor: 'hospital', txId: String(posted.transactionId), postedAt, at: [source] })();
}

/** What the wallet and the desk showed before staff confirmed. */
export interface ClaimAtDesk {
  id: string;
  words: string[];
}

/** The desk offers, the patient's wallet claims: nothing is on the ledger yet. */
export async function offerAndClaim(cast: Cast): Promise<ClaimAtDesk> {
  const { hospital, patient, study } = cast;
  const offer = join(patient.home, 'offer.txt');
  await hospital.run('offer', '--study', study.summary.studyInstanceUID, '--out', offer);
  const claimed = await patient.run('claim', '--offer', offer);
  const { claims } = (await hospital.run('claims')) as { claims: (ClaimAtDesk & { state: string })[] };
  const [claim] = claims.filter(({ state }) => state === 'waiting');
  const words = (claimed.words as string[]).join(' ');
  if (!claim || claim.words.join(' ') !== words) {
    throw unexpected('comparing words at the desk', words, claim?.words.join(' ') ?? 'no claim');
  }
  return claim;
}

/** Block B: the patient's claim, the hospital's co-signature. */
export async function defineStudy(cast: Cast, claim: ClaimAtDesk): Promise<void> {
  const { narrator, hospital, patient } = cast;
  narrator.title('Block B: Define Study');
  narrator.say("the desk offers the study; the patient's wallet claims it with a fresh key and signs first");
  narrator.note(`both screens show: ${claim.words.join(' ')}`);
  narrator.say('staff confirm the words; only now H co-signs');
  const postedAt = performance.now();
  const confirmed = await hospital.run('claims', '--confirm', claim.id);
  const at = [patient.trusts, hospital.source];
  await follow(cast, { block: 'B', actor: 'hospital', txId: String(confirmed.transactionId), postedAt, at })();
}

/** The doctor's card: eight fresh keys, one is taken for each grant. */
export interface Card {
  file: string;
  words: string;
}

export async function makeCard(cast: Cast): Promise<Card> {
  const file = join(cast.doctor.home, 'card.txt');
  const made = await cast.doctor.run('card', '--label', 'Dr. D, Primary Care', '--out', file);
  return { file, words: (made.words as string[]).join(' ') };
}

/** Block C, as often as the patient allows. @returns a function that waits for the end, tells it, and finds the grant */
export async function allowAccess(cast: Cast, card: Card): Promise<(lead?: string) => Promise<Granted>> {
  const { patient, doctor, hospital } = cast;
  const postedAt = performance.now();
  const allowed = await patient.run('allow', '--study', '1', '--to', card.file);
  const words = (allowed.words as string[]).join(' ');
  if (words !== card.words) throw unexpected("comparing the card's words", card.words, words);
  const txId = String(allowed.transactionId);
  const at = [doctor.trusts, patient.trusts, hospital.source];
  const tell = follow(cast, { block: 'C', actor: 'patient', txId, postedAt, at });
  return async lead => {
    const { height } = await tell(lead);
    return { txId, height, listed: await grantTo(doctor, await requesterKeyOf(cast, txId)) };
  };
}

/** The key that the wallet took from the card: the ledger names it. */
async function requesterKeyOf(cast: Cast, txId: string): Promise<string> {
  const { transaction } = await cast.patient.trusts.api.transaction(fromHex(txId, 32));
  const { tuple } = parseTransaction(transaction);
  if (tuple.type === 3) return toHex(tuple.requesterKey);
  throw unexpected('block C', 'an allowAccess', `a tuple of type ${tuple.type}`);
}
