/** Audit messages: valid by the schema, with what an audit needs and nothing that says who somebody is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { type AuditEvent, createAuditMessage, frameSyslog } from '../dist/index.js';

const time = Date.UTC(2026, 10, 26, 9, 30);
const event: AuditEvent = {
  kind: 'export',
  time,
  outcome: 'success',
  reason: '',
  endpoint: 'https://images.example/radpass',
  host: 'gateway.example',
  processId: 4711,
  requesterKey: '0d'.repeat(32),
  requesterAddress: '192.0.2.7',
  patientKey: '0e'.repeat(32),
  repositoryUniqueId: '0a'.repeat(32),
  documentUniqueId: '0b'.repeat(32),
};
const cases: [string, Partial<AuditEvent>][] = [
  ['an export', {}],
  ['an import', { kind: 'import', host: 'reader.example' }],
  [
    "an import of another repository's document",
    { kind: 'import', requesterKey: '', patientKey: '', documentUniqueId: '1.2^3' },
  ],
  [
    'a refusal of what is no study',
    { outcome: 'minor', reason: 'not-published', patientKey: '', documentUniqueId: '' },
  ],
  ['a transfer that broke', { outcome: 'serious', reason: 'disconnected after 12 bytes' }],
  ['an endpoint by address', { endpoint: 'https://[2001:db8::1]:8443/x', requesterAddress: '2001:db8::7' }],
  ['text that is markup elsewhere', { reason: 'a<b>&"\u0000\u0007', host: 'x"><y' }],
];

needs('ihe', describe)('the schema of DICOM PS3.15', () => {
  const folder = join(dataDir, 'ihe', 'schemas', 'atna');
  const load = (): XsdValidator => {
    xmlRegisterFsInputProviders();
    const file = join(folder, 'dicom2017c.xsd');
    return XsdValidator.fromDoc(XmlDocument.fromBuffer(readFileSync(file), { url: file }));
  };

  it.each(cases)('holds for %s', (_name, changes) => {
    const validator = load();
    const message = createAuditMessage({ ...event, ...changes });
    const doc = XmlDocument.fromString(message);
    expect(doc.root.name).toBe('AuditMessage');
    expect(() => validator.validate(doc)).not.toThrow();
    const without = XmlDocument.fromString(message.replace(/ EventDateTime="[^"]*"/, ''));
    expect(() => validator.validate(without)).toThrow();
  });
});

describe('an audit message', () => {
  it('of the source names both ends, the patient key and the study by its hash', () => {
    const message = createAuditMessage(event);
    expect(message).toContain(
      '<EventIdentification EventActionCode="R" EventDateTime="2026-11-26T09:30:00.000Z" EventOutcomeIndicator="0">' +
        '<EventID csd-code="110106" codeSystemName="DCM" originalText="Export">',
    );
    expect(message).toContain(
      `AlternativeUserID="${event.requesterKey}" UserIsRequestor="true" NetworkAccessPointID="192.0.2.7" NetworkAccessPointTypeCode="2"`,
    );
    expect(message).toContain('UserID="https://images.example/radpass" AlternativeUserID="4711"');
    expect(message).toContain(`ParticipantObjectID="${event.patientKey}"`);
    expect(message).toContain(`ParticipantObjectID="${event.documentUniqueId}"`);
    expect(message).toContain(`type="Repository Unique Id" value="${btoa(event.repositoryUniqueId)}"`);
  });

  it('of the requester is an import, signed for by its key, from its own host', () => {
    const message = createAuditMessage({ ...event, kind: 'import', host: 'reader.example' });
    expect(message).toContain('EventActionCode="C"');
    expect(message).toContain('<EventID csd-code="110107" codeSystemName="DCM" originalText="Import">');
    expect(message).toContain(`<ActiveParticipant UserID="${event.requesterKey}" UserIsRequestor="true">`);
    expect(message).toContain('NetworkAccessPointID="reader.example" NetworkAccessPointTypeCode="1"');
    expect(message).not.toContain('192.0.2.7');
  });
});

describe('an audit message of what nobody signed for', () => {
  it('names both ends and the document, and no key', () => {
    const names = { requesterKey: '', patientKey: '', repositoryUniqueId: '1.3.6', documentUniqueId: '1.2^3' };
    const message = createAuditMessage({ ...event, kind: 'import', ...names });
    expect(message.match(/<ActiveParticipant /g)).toHaveLength(2);
    expect(message).toContain('ParticipantObjectID="1.2^3"');
    expect(message).not.toContain('Patient Number');
  });
});

describe('a syslog frame', () => {
  it('is the length in bytes, the header of RFC 5424, a byte order mark and the message', () => {
    const frame = frameSyslog({ time, host: 'gateway.example', processId: 7, text: '<a>ü</a>' });
    const text = Buffer.from(frame).toString('utf8');
    const [, length, rest = ''] = /^(\d+) (.*)$/s.exec(text) ?? [];
    expect(Number(length)).toBe(Buffer.byteLength(rest));
    expect(rest).toBe('<85>1 2026-11-26T09:30:00.000Z gateway.example radpass 7 IHE+RFC-3881 - \ufeff<a>ü</a>');
  });

  it('leaves out a host name that no header may hold', () => {
    expect(Buffer.from(frameSyslog({ time, host: 'a b\n', processId: 7, text: '' })).toString()).toContain(
      'Z - radpass',
    );
  });
});
