/** The ledger's names in ITI-43. */
import { describe, expect, it } from '@jest/globals';
import { documentUniqueId, parseDocumentUniqueId, parseRepositoryUniqueId, repositoryUniqueId } from '../dist/index.js';
import { refusal, source } from './messages.js';

describe('identifiers', () => {
  it('are 64 lowercase hex characters, and come back', () => {
    const hash = new Uint8Array(32).fill(0xab);
    expect(documentUniqueId(hash)).toBe('ab'.repeat(32));
    expect(parseDocumentUniqueId(documentUniqueId(hash))).toEqual(hash);
    expect(parseRepositoryUniqueId(repositoryUniqueId(source.publicKey))).toEqual(source.publicKey);
  });

  it.each([
    '',
    'AB'.repeat(32),
    'ab'.repeat(31),
    'ab'.repeat(33),
    `${'ab'.repeat(32)}\n`,
    ` ${'ab'.repeat(32)}`,
    '1.2.3',
  ])('refuse %j', text => {
    expect(refusal(() => parseDocumentUniqueId(text))).toBe('XDS_IDENTIFIER');
    expect(refusal(() => parseRepositoryUniqueId(text))).toBe('XDS_IDENTIFIER');
  });
});
