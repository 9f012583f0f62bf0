/**
 * Audit messages of both sides of a retrieval: IHE ITI TF-2 3.43.6.1 (ITI-43) in the form of DICOM PS3.15 A.5.
 *
 *   source     Export 110106, action R: source = the endpoint, destination = the requester
 *   requester  Import 110107, action C: the same two, and whose key signed as the human requestor
 *
 * What a hospital's audit repository may hold is what its privacy officer needs to follow a disclosure and no more: the
 * patient's key, the study's hash with the source's key, the requester's key and address. Never a name, a record number,
 * a Study Instance UID or an accession number: syslog passes many hands, the standard asks for none of them, and the
 * gateway's own list of studies leads from the hash to the archive.
 */
const codes = {
  export: { event: ['110106', 'Export'], action: 'R' },
  import: { event: ['110107', 'Import'], action: 'C' },
} as const;
const outcomes = { success: '0', minor: '4', serious: '8' } as const;
const anonymous = 'http://www.w3.org/2005/08/addressing/anonymous';

export interface AuditEvent {
  kind: keyof typeof codes;
  /** Unix ms. */
  time: number;
  /** `minor`: refused; `serious`: it broke in the middle. */
  outcome: keyof typeof outcomes;
  /** Why, one of our own words; '' when there is nothing to say. */
  reason: string;
  /** The source's URL, as requests are addressed to it. */
  endpoint: string;
  /** Host that writes this message. */
  host: string;
  processId: number;
  /** Key that signed the request, 64 hex; '' when nobody did. */
  requesterKey: string;
  /** Where the request came from, when known. Only the source has it. */
  requesterAddress?: string;
  /** 64 hex; '' when the ledger names no owner. */
  patientKey: string;
  repositoryUniqueId: string;
  /** '' when what was asked for is no study's hash. */
  documentUniqueId: string;
}

type Attributes = Record<string, string | undefined>;

/** The message's XML, without a declaration: valid by DICOM PS3.15 A.5.1's schema with IHE's relaxations. */
export function createAuditMessage(event: AuditEvent): string {
  const { event: eventId, action } = codes[event.kind];
  const identification = element(
    'EventIdentification',
    {
      EventActionCode: action,
      EventDateTime: new Date(event.time).toISOString(),
      EventOutcomeIndicator: outcomes[event.outcome],
    },
    [
      coded('EventID', eventId[0], 'DCM', eventId[1]),
      coded('EventTypeCode', 'ITI-43', 'IHE Transactions', 'Retrieve Document Set'),
      ...(event.reason === '' ? [] : [`<EventOutcomeDescription>${escaped(event.reason)}</EventOutcomeDescription>`]),
    ],
  );
  const auditSource = element('AuditSourceIdentification', { AuditSourceID: event.host }, [
    element('AuditSourceTypeCode', { 'csd-code': '4' }),
  ]);
  const parts = [identification, ...participants(event), auditSource, ...patient(event), ...document(event)];
  return element('AuditMessage', {}, parts);
}

function participants(event: AuditEvent): string[] {
  const { processId, requesterKey } = event;
  const isSource = event.kind === 'export';
  const source = participant('110153', 'Source Role ID', {
    UserID: event.endpoint,
    AlternativeUserID: isSource ? String(processId) : undefined,
    UserIsRequestor: 'false',
    ...accessPoint(new URL(event.endpoint).hostname.replace(/^\[|\]$/g, '')),
  });
  // The UserID is what ReplyTo says: answers go back on the connection.
  const destination = participant('110152', 'Destination Role ID', {
    UserID: anonymous,
    AlternativeUserID: isSource ? requesterKey : String(processId),
    UserIsRequestor: 'true',
    ...accessPoint(isSource ? event.requesterAddress : event.host),
  });
  if (isSource || requesterKey === '') return [source, destination];
  return [source, destination, element('ActiveParticipant', { UserID: requesterKey, UserIsRequestor: 'true' })];
}

function participant(code: string, role: string, attributes: Attributes): string {
  return element('ActiveParticipant', attributes, [coded('RoleIDCode', code, 'DCM', role)]);
}

/** Type 1 is a name, 2 an address. */
function accessPoint(host: string | undefined): Attributes {
  if (host === undefined) return {};
  const isAddress = host.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
  return { NetworkAccessPointID: host, NetworkAccessPointTypeCode: isAddress ? '2' : '1' };
}

function patient({ patientKey }: AuditEvent): string[] {
  if (patientKey === '') return [];
  return [
    participantObject(patientKey, ['1', '1'], coded('ParticipantObjectIDTypeCode', '2', 'RFC-3881', 'Patient Number')),
  ];
}

function document({ documentUniqueId, repositoryUniqueId }: AuditEvent): string[] {
  if (documentUniqueId === '') return [];
  const type = coded('ParticipantObjectIDTypeCode', '9', 'RFC-3881', 'Report Number');
  const repository = element('ParticipantObjectDetail', {
    type: 'Repository Unique Id',
    value: btoa(repositoryUniqueId),
  });
  return [participantObject(documentUniqueId, ['2', '3'], type + repository)];
}

function participantObject(id: string, [type, role]: [string, string], content: string): string {
  const names = { ParticipantObjectID: id, ParticipantObjectTypeCode: type, ParticipantObjectTypeCodeRole: role };
  return element('ParticipantObjectIdentification', names, [content]);
}

function coded(name: string, code: string, system: string, text: string): string {
  return element(name, { 'csd-code': code, codeSystemName: system, originalText: text });
}

function element(name: string, attributes: Attributes, content: string[] = []): string {
  const written = Object.entries(attributes)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([attribute, value]) => ` ${attribute}="${escaped(value)}"`);
  return `<${name}${written.join('')}>${content.join('')}</${name}>`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML allows no control characters, however escaped: none has a place in a key, an address or a URL. */
function escaped(text: string): string {
  return text.replace(/\p{Cc}/gu, '').replace(/[&<>"]/g, character => entities[character] ?? '');
}
