import { describe, expect, it } from '@jest/globals';
import { XdsError, type XdsErrorDetail } from '../dist/errors.js';
import { createFault } from '../dist/fault.js';
import { toFault } from '../dist/index.js';

type Addressing = Extract<XdsErrorDetail, { code: 'XDS_ADDRESSING' }>;

describe('the fault for an addressing header', () => {
  it.each<[Addressing['header'], Addressing['reason'], string[]]>([
    ['To', 'repeated', ['Sender', 'InvalidAddressingHeader', 'InvalidCardinality']],
    ['FaultTo', 'not anonymous', ['Sender', 'InvalidAddressingHeader', 'OnlyAnonymousAddressSupported']],
    ['To', 'malformed', ['Sender', 'InvalidAddressingHeader', 'InvalidAddress']],
    ['RelatesTo', 'malformed', ['Sender', 'InvalidAddressingHeader']],
    ['MessageID', 'missing', ['Sender', 'MessageAddressingHeaderRequired']],
  ])('%s that is %s', (header, reason, codes) => {
    const fault = createFault(toFault(new XdsError({ code: 'XDS_ADDRESSING', header, reason }, 'refused')));
    const text = new TextDecoder().decode(fault.body);
    expect([...text.matchAll(/<soap:Value>\w+:(\w+)</g)].map(([, name]) => name)).toEqual(codes);
    expect(text).toContain('</soap:Value></soap:Subcode>');
    expect(fault.status).toBe(400);
  });
});
