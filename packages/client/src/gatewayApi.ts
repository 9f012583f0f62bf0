/** A gateway's HTTP API below its url (docs/operating.md, section Gateway API) with typed values. */
import { fromHex, parsePublicKey, type Transaction, toHex } from '@radpass/core';
import { exchangeJson, type Fetch } from './http.js';
import { z } from './zod.js';

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((text): Uint8Array => fromHex(text));
const key = z.string().transform(text => parsePublicKey(text));
const studyCard = z.object({
  description: z.string(),
  modality: z.string(),
  date: z.string(),
  instances: z.number().int(),
});
const opened = z.object({ salt: hash, studyInstanceUID: z.string(), study: studyCard });
const redeemed = opened.extend({
  chainId: hash,
  sourceKey: key,
  studyHash: hash,
  owner: z.object({ patientKey: key, generation: z.number().int().nonnegative() }).nullable(),
});
const received = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/), words: z.array(z.string()).length(6) });
const claimState = z.object({
  state: z.enum(['waiting', 'confirmed', 'posted', 'final', 'refused']),
  transactionId: hash.optional(),
  reason: z.string().optional(),
});
const receipt = z.object({
  receipt: z.string().transform((text): Uint8Array => fromHex(text)),
  seq: z.number().int(),
});

const accessReceipts = z.object({
  receipts: z.array(z.string().transform((text): Uint8Array => fromHex(text))).max(200),
  more: z.boolean(),
});

/** What a person recognises a study by. */
export type StudyCard = z.output<typeof studyCard>;
export type RedeemedOffer = z.output<typeof redeemed>;
export type ClaimState = z.output<typeof claimState>;

export class GatewayApi {
  readonly url: string;
  readonly #fetch: Fetch;

  /** `url` is the source's, as the directory or the offer has it. */
  constructor(p: { url: string; fetch: Fetch }) {
    this.url = p.url;
    this.#fetch = p.fetch;
  }

  /** Redeem an offer's token. It works once: whoever redeems it again voids it. */
  redeem(token: Uint8Array): Promise<RedeemedOffer> {
    return this.#post('/v1/offers/redeem', { token: toHex(token) }, redeemed);
  }

  /** Hand in the signed claim (or reclaim); the words are the ones that the desk shows. */
  claim(
    token: Uint8Array,
    signed: { claim: Uint8Array } | { reclaim: Uint8Array },
  ): Promise<z.output<typeof received>> {
    const [kind, bytes] = 'claim' in signed ? ['claim', signed.claim] : ['reclaim', signed.reclaim];
    return this.#post('/v1/claims', { token: toHex(token), [kind as string]: toHex(bytes as Uint8Array) }, received);
  }

  claimState(id: string): Promise<ClaimState> {
    return exchangeJson({ fetch: this.#fetch, url: `${this.url}/v1/claims/${id}` }, claimState);
  }

  /** Bring a revocation straight to where the images are; answers with the source's signed receipt. */
  revoke(transaction: Transaction): Promise<z.output<typeof receipt>> {
    const url = `${this.url}/v1/revocations`;
    return exchangeJson({ fetch: this.#fetch, url, method: 'POST', body: transaction.bytes }, receipt);
  }

  /** A nonce for an ownership proof; it serves once, within five minutes. */
  async challenge(): Promise<Uint8Array> {
    const schema = z.object({ nonce: hash });
    return (await exchangeJson({ fetch: this.#fetch, url: `${this.url}/v1/challenge` }, schema)).nonce;
  }

  /** The study's card again, for its owner (after the wallet's record was lost). */
  ownerCard(studyHash: Uint8Array, proof: Uint8Array): Promise<z.output<typeof opened>> {
    return this.#post('/v1/owner/card', { studyHash: toHex(studyHash), proof: toHex(proof) }, opened);
  }

  /**
   * The source's signed word on who opened the study, for its owner.
   * @param p.after - number of the last receipt that is known already; `more`: ask again after the last of these
   */
  accessReceipts(p: {
    studyHash: Uint8Array;
    proof: Uint8Array;
    after: number;
  }): Promise<z.output<typeof accessReceipts>> {
    const body = { studyHash: toHex(p.studyHash), proof: toHex(p.proof), after: p.after };
    return this.#post('/v1/owner/receipts', body, accessReceipts);
  }

  #post<S extends z.ZodType>(path: string, body: object, schema: S): Promise<z.output<S>> {
    return exchangeJson({ fetch: this.#fetch, url: this.url + path, method: 'POST', body }, schema);
  }
}
