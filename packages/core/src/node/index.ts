/** @radpass/core/node: what needs Node's own cryptography and files. */
export { sha256Node } from './hash.js';
export { nodeVerifier } from './verifier.js';
