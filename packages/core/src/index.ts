/** @radpass/core: the public list, grouped by task. Runs in browsers and in Node; no I/O. */

// Keys from words, cards, proofs and receipts
export { type Access, createAccessReceipt, parseAccessReceipt } from './accessReceipt.js';
// What a gateway asks a ledger
export type { AccessEvent, AccessFacts, AccessView } from './accessView.js';
// Signed tuples: make
export { type Accredit, createAccredit } from './accredit.js';
export { type AllowAccess, checkNotAfter, createAllowAccess } from './allowAccess.js';
// Keys and signatures
export { findInvalidSignature } from './batch.js';
// Bytes and text
export {
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  fromLatin1,
  latin1,
  latin1Bytes,
  type RandomBytes,
  randomBytes,
  sha256,
  toBase64,
  toBase64Url,
  toHex,
  u64be,
  utf8,
} from './bytes.js';
export {
  cardWords,
  claimWords,
  createRequesterCard,
  encodeOffer,
  encodeRequesterCard,
  parseOffer,
  parseRequesterCard,
  type RequesterCard,
  type StudyOffer,
} from './cards.js';
export { bindNode, createDefineSource, type DefineSource } from './defineSource.js';
export {
  type Claim,
  createClaim,
  createDefineStudy,
  type DefineStudy,
  decodeClaim,
  encodeClaim,
  verifyClaim,
} from './defineStudy.js';
export { domainPrefix, type Purpose, purposes, signingPreimage } from './domain.js';
// Canonical bytes
export { type Canonical, decodeCanonical, encodeAs, encodeCanonical, encodeListOf, scanCanonical } from './encoding.js';
// Errors
export { CodedError, CoreError, type CoreErrorDetail, codeOf, type KeyFileFault, type TupleSigner } from './errors.js';
// Signed tuples: read and check
export { explainTuple } from './explain.js';
export { createKeepStudy, type KeepStudy } from './keepStudy.js';
export { Keyring, type KeyringBackup } from './keyring.js';
export { fingerprintWords, type KeyRole, type PublicKey, parsePublicKey, publicKeyHex, SecretKey } from './keys.js';
export {
  type DerivedKey,
  deriveSlip10,
  entropyOfMnemonic,
  mnemonicOfEntropy,
  mnemonicToSeed,
} from './mnemonic.js';
export { type Multiple, sumOfMultiples } from './multiScalar.js';
export {
  checkOwnershipProof,
  createOwnershipProof,
  encodeOwnershipProof,
  type OwnershipProof,
  parseOwnershipProof,
} from './ownership.js';
export {
  createReassignStudy,
  createReclaim,
  decodeReclaim,
  encodeReclaim,
  type ReassignStudy,
  type Reclaim,
  verifyReclaim,
} from './reassignStudy.js';
export { consentReceiptHash, createReceipt, parseReceipt, type Receipt, type ReceiptPurpose } from './receipts.js';
export { createRevokeAccess, type RevokeAccess } from './revokeAccess.js';
export { createRotateSource, type RotateSource } from './rotateSource.js';
export {
  ascii,
  bytes,
  bytesUpTo,
  constant,
  list,
  map,
  publicKey,
  raw,
  record,
  type Schema,
  tuple,
  uint,
} from './schema.js';
export { chooseSeq } from './seq.js';
export { nobleVerifier, type SignedBytes, sign, signSignedInfo, type Verifier, verify } from './signature.js';
export { maxTransactionBytes, type Transaction } from './signedTuple.js';
export { findStamp, stampBits } from './stamp.js';
// Study hashes
export { hashStudy, parseStudyInstanceUid, studySalt } from './studyHash.js';
export { contentId, parseTransaction, type Tuple } from './transaction.js';
export { checkSignatures, type SignatureCheck, signatureChecks } from './tupleSignatures.js';
export { parseUrl } from './url.js';
export { createWithdrawStudy, type WithdrawStudy } from './withdrawStudy.js';
