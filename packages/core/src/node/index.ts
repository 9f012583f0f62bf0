/** @radpass/core/node: what needs Node's own cryptography and files. */

export { sha256Node } from './hash.js';
export { readKeyFile, writeKeyFile } from './keyFile.js';
export { createParallelVerifier, type ParallelVerifier } from './parallelVerifier.js';
export { readPassphrase } from './passphrase.js';
export { type SecretLabel, sealSecret, unsealSecret } from './sealedSecret.js';
export { nodeVerifier } from './verifier.js';
