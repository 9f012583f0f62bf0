/** docs/iti-43.md says what the code does: its worked example, its tables of faults and of error codes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { sha256, toBase64, toHex, utf8 } from '@radpass/core';
import { canonicalize } from '../dist/canonicalXml.js';
import { createFault } from '../dist/fault.js';
import { answerFor, type RefusalReason } from '../dist/index.js';
import { childElements, readXml, type XmlElement } from '../dist/xmlReader.js';
import { requestText, text } from './messages.js';

const statement = readFileSync(new URL('../../../docs/iti-43.md', import.meta.url), 'utf8');
const vector = readFileSync(new URL('../test/vectors/signed-request.xml', import.meta.url), 'utf8');

function find(element: XmlElement, local: string): XmlElement {
  const found = [element];
  for (const one of found) {
    if (one.local === local) return one;
    found.push(...one.children.filter((child): child is XmlElement => typeof child !== 'string'));
  }
  throw new Error(`no ${local}`);
}

describe('the integration statement', () => {
  it('has the worked example as it is made', () => {
    expect(vector).toBe(requestText());
    const root = readXml(utf8(vector));
    const action = canonicalize(find(root, 'Action'));
    const signedInfo = canonicalize(find(root, 'SignedInfo'));
    expect(statement).toContain(`canonical form, ${utf8(action).length} bytes:\n\n\`\`\`\n${action}\n\`\`\``);
    expect(statement).toContain(`| \`${toBase64(sha256(utf8(action)))}\` `);
    expect(statement).toContain(
      `SignedInfo, ${utf8(signedInfo).length} bytes | \`${toHex(sha256(utf8(signedInfo)))}\``,
    );
    for (const name of ['DEREncodedKeyValue', 'SignatureValue']) {
      expect(statement).toContain(`\`${find(root, name).children.join('')}\``);
    }
  });

  it.each([
    'sender',
    'media-type',
    'receiver',
    'version-mismatch',
    'must-understand',
    'security-invalid',
    'security-algorithm',
    'security-failed-check',
    'security-expired',
    'addressing',
    'addressing-required',
    'action-not-supported',
  ] as const)('lists the fault %s with its status', kind => {
    const { status, body } = createFault({ kind, text: 'x' });
    const [, code, subcode] = /<soap:Value>soap:(\w+)<\/soap:Value>(?:<soap:Subcode><soap:Value>([\w:]+))?/.exec(
      text(body),
    )!;
    const row = new RegExp(`^\\| \`${code}\`${subcode ? ` \`${subcode}\`` : ''} +\\| ${status}[ ,]`, 'm');
    expect(statement).toMatch(row);
  });

  it('lists every error code', () => {
    const reasons: RefusalReason[] = ['repository', 'ledger-stale', 'rate', 'revoked'];
    for (const reason of reasons) {
      const answer = answerFor(reason);
      expect(statement).toMatch(new RegExp(`^\\| \`${'errorCode' in answer ? answer.errorCode : ''}\` `, 'm'));
    }
    expect(statement.match(/^\| `XDS\w+`/gm)).toHaveLength(4);
  });

  it('calls signed what a request signs', () => {
    const references = childElements(find(readXml(utf8(vector)), 'SignedInfo')).filter(e => e.local === 'Reference');
    const ids = references.map(reference => reference.attributes.find(a => a.local === 'URI')?.value);
    expect(ids).toEqual(['#Action', '#MessageID', '#To', '#ReplyTo', '#Timestamp', '#Body']);
  });
});
