/**
 * The signature rule with OpenSSL as a fast yes.
 *
 * OpenSSL refuses some signatures that ZIP215 accepts (R not canonical, a small-order residue) and accepts none that it
 * refuses, once lengths are checked; test/signature.interop.test.ts holds it to that. So a native yes is final and a
 * native no is asked again of the JavaScript implementation.
 */
import { nobleVerifier, type Verifier } from '../signature.js';
import { verifyNatively } from './ed25519.js';

/** For Node: `verify` is the rule, `verifyStrict` is what OpenSSL alone accepts. */
export const nodeVerifier: Verifier = {
  backend: `openssl ${process.versions.openssl}`,
  verify: (signature, message, key) =>
    verifyNatively(signature, message, key) || nobleVerifier.verify(signature, message, key),
  verifyStrict: verifyNatively,
};
