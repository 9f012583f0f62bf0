/**
 * The authorization that a patient gives, with the elements of 45 CFR 164.508(c): written by the patient's app, kept
 * by both sides, bound to the ledger by its salted hash alone.
 */
import { consentReceiptHash, randomBytes, utf8 } from '@radpass/core';

export interface Consent {
  /** Description of the information (164.508(c)(1)(i)). */
  information: string;
  /** Who may disclose (ii): the source's url. */
  source: string;
  /** To whom (iii): the label on the requester's card. */
  recipient: string;
  /** Expiry (v), ISO date-time, or "until revoked". */
  expires: string;
}

export interface ConsentReceipt {
  receipt: Uint8Array;
  random: Uint8Array;
  hash: Uint8Array;
}

/** Purpose (iv) and the statements of (c)(2) are the same for everyone: the patient's own request. */
export function createConsentReceipt(consent: Consent): ConsentReceipt {
  const receipt = utf8(
    JSON.stringify({
      ...consent,
      purpose: 'at the request of the individual',
      rightToRevoke:
        'You may revoke this at any time in your wallet; what was handed over before stays with its recipient.',
      noCondition: 'Treatment, payment and enrolment do not depend on this authorization.',
      redisclosure: 'The recipient may disclose the information further, as the law that binds the recipient allows.',
      signature: 'the Allow Access tuple that holds the hash of this receipt',
    }),
  );
  const random = randomBytes(32);
  return { receipt, random, hash: consentReceiptHash(random, receipt) };
}
