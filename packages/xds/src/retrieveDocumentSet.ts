/**
 * ITI-43 Retrieve Document Set (IHE ITI TF-2: 3.43): the two bodies, as XDS.b_DocumentRepository.xsd has them.
 * Written bodies are schema-valid; read bodies are held to the schema's order, without attributes it doesn't name.
 */
import { escapeAttribute, escapeText } from './canonicalXml.js';
import { XdsError } from './errors.js';
import { attributeOf, childElements, isNamed, textOf, type XmlElement } from './xmlReader.js';
import { decodeContentId, type SignedPart } from './xmlSignature.js';

export const retrieveAction = 'urn:ihe:iti:2007:RetrieveDocumentSet';
export const retrieveResponseAction = 'urn:ihe:iti:2007:RetrieveDocumentSetResponse';

/** Most documents in one request; so that the answer's envelope keeps within its cap too. */
export const maxDocuments = 64;

export const iheNamespace = 'urn:ihe:iti:xds-b:2007';
export const rsNamespace = 'urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0';
const xopNamespace = 'http://www.w3.org/2004/08/xop/include';
const xsiNamespace = 'http://www.w3.org/2001/XMLSchema-instance';
const severityPrefix = 'urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:';
const maxLongName = 256; // rim:LongName

/** One document that is asked for; each field 1 to 256 characters. */
export interface DocumentRequest {
  repositoryUniqueId: string;
  documentUniqueId: string;
  homeCommunityId?: string;
}

/** ebRS RegistryError (ITI TF-3: 4.2.4). */
export interface RegistryError {
  errorCode: string;
  codeContext: string;
  location?: string;
  severity: 'Error' | 'Warning';
}

export type ResponseStatus = 'Success' | 'PartialSuccess' | 'Failure';

/** ITI TF-3: 4.2.4.2, the status values of Retrieve Document Set. */
const statusUris: Record<ResponseStatus, string> = {
  Success: 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success',
  PartialSuccess: 'urn:ihe:iti:2007:ResponseStatusType:PartialSuccess',
  Failure: 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure',
};

/** A document that an answer announces: its bytes are the attachment `contentId`. */
export interface AnnouncedDocument {
  repositoryUniqueId: string;
  documentUniqueId: string;
  mimeType: string;
  contentId: string;
}

/** @throws RangeError unless 1 to `maxDocuments` documents are named, by 1 to 256 characters each */
export function requestXml(documents: readonly DocumentRequest[]): string {
  if (documents.length === 0 || documents.length > maxDocuments) {
    throw new RangeError(`1 to ${maxDocuments} documents in a request, got ${documents.length}`);
  }
  const entries = documents.map(document => `<ihe:DocumentRequest>${identityXml(document)}</ihe:DocumentRequest>`);
  return (
    `<ihe:RetrieveDocumentSetRequest xmlns:ihe="${iheNamespace}">${entries.join('')}` +
    '</ihe:RetrieveDocumentSetRequest>'
  );
}

function identityXml(document: DocumentRequest): string {
  const home = document.homeCommunityId;
  return (
    (home === undefined ? '' : longNameXml('HomeCommunityId', home)) +
    longNameXml('RepositoryUniqueId', document.repositoryUniqueId) +
    longNameXml('DocumentUniqueId', document.documentUniqueId)
  );
}

function longNameXml(name: string, value: string): string {
  if (value.length === 0 || value.length > maxLongName)
    throw new RangeError(`${name} has 1 to ${maxLongName} characters`);
  return `<ihe:${name}>${escapeText(value)}</ihe:${name}>`;
}

/** The documents that a verified request asks for, 1 to `maxDocuments`. @throws XdsError XDS_BODY, XDS_XML */
export function readRequestBody(body: SignedPart): DocumentRequest[] {
  return readUnsignedRequestBody(body.element);
}

/** The same of a request that nobody signed. */
export function readUnsignedRequestBody(body: XmlElement): DocumentRequest[] {
  const [request] = childElements(body);
  if (!isNamed(request, iheNamespace, 'RetrieveDocumentSetRequest')) throw refused('no RetrieveDocumentSetRequest');
  refuseAttributes(request);
  const entries = childElements(request);
  if (entries.length === 0 || entries.length > maxDocuments) throw refused(`not 1 to ${maxDocuments} DocumentRequests`);
  return entries.map(entry => {
    if (!isNamed(entry, iheNamespace, 'DocumentRequest')) throw refused('something else than a DocumentRequest');
    refuseAttributes(entry);
    const fields = childElements(entry);
    const identity = takeIdentity(fields);
    if (fields.length > 0) throw refused('a DocumentRequest with something else in it');
    return identity;
  });
}

/** Take HomeCommunityId?, RepositoryUniqueId, DocumentUniqueId from the front of `fields`. */
function takeIdentity(fields: XmlElement[]): DocumentRequest {
  const home = isNamed(fields[0], iheNamespace, 'HomeCommunityId')
    ? takeLongName(fields, 'HomeCommunityId')
    : undefined;
  const repositoryUniqueId = takeLongName(fields, 'RepositoryUniqueId');
  const documentUniqueId = takeLongName(fields, 'DocumentUniqueId');
  return { repositoryUniqueId, documentUniqueId, ...(home === undefined ? {} : { homeCommunityId: home }) };
}

function takeLongName(fields: XmlElement[], name: string): string {
  const field = fields.shift();
  if (!isNamed(field, iheNamespace, name)) throw refused(`no ${name} where it belongs`);
  refuseAttributes(field);
  const text = textOf(field);
  if (text.length === 0 || text.length > maxLongName) throw refused(`${name} has not 1 to ${maxLongName} characters`);
  return text;
}

/** Status by what there is: errors alone = Failure, documents alone or with warnings = Success. */
export function statusOf(documents: number, errors: readonly RegistryError[]): ResponseStatus {
  if (documents === 0) return 'Failure';
  return errors.some(error => error.severity === 'Error') ? 'PartialSuccess' : 'Success';
}

/** @throws RangeError for an answer with neither document nor error, or with malformed names */
export function responseXml(documents: readonly AnnouncedDocument[], errors: readonly RegistryError[]): string {
  const status = statusOf(documents.length, errors);
  if (status === 'Failure' && !errors.some(error => error.severity === 'Error')) {
    throw new RangeError('an answer without documents holds at least one error');
  }
  return (
    `<ihe:RetrieveDocumentSetResponse xmlns:ihe="${iheNamespace}" xmlns:rs="${rsNamespace}">` +
    `<rs:RegistryResponse status="${statusUris[status]}">${errorListXml(errors)}</rs:RegistryResponse>` +
    `${documents.map(documentXml).join('')}</ihe:RetrieveDocumentSetResponse>`
  );
}

function documentXml(document: AnnouncedDocument): string {
  return (
    `<ihe:DocumentResponse>${identityXml(document)}${longNameXml('mimeType', document.mimeType)}` +
    `<ihe:Document><xop:Include xmlns:xop="${xopNamespace}" href="cid:${escapeAttribute(document.contentId)}"/>` +
    '</ihe:Document></ihe:DocumentResponse>'
  );
}

function errorListXml(errors: readonly RegistryError[]): string {
  if (errors.length === 0) return '';
  const highest = errors.some(error => error.severity === 'Error') ? 'Error' : 'Warning';
  const entries = errors.map(error => {
    const location = error.location === undefined ? '' : ` location="${escapeAttribute(error.location)}"`;
    return (
      `<rs:RegistryError codeContext="${escapeAttribute(error.codeContext)}" ` +
      `errorCode="${escapeAttribute(error.errorCode)}" severity="${severityPrefix}${error.severity}"${location}/>`
    );
  });
  return `<rs:RegistryErrorList highestSeverity="${severityPrefix}${highest}">${entries.join('')}</rs:RegistryErrorList>`;
}

/** What a verified answer says. @throws XdsError XDS_BODY, XDS_XML, also when status and content contradict */
export function readResponseBody(body: SignedPart): {
  status: ResponseStatus;
  documents: AnnouncedDocument[];
  errors: RegistryError[];
} {
  const { status, entries, errors } = readResponse(body.element, 'refused');
  const documents = entries.map(({ content, ...names }) => {
    if (!isMimeType(names.mimeType)) throw refused('a mimeType that is no type/subtype');
    const contentId = includedContentId(content);
    if (contentId === null) throw refused('a Document that is no attachment');
    return { ...names, contentId };
  });
  if (status !== statusOf(documents.length, errors)) throw refused('a status that contradicts the content');
  return { status, documents, errors };
}

/** One DocumentResponse; `content` is its Document element. */
export interface ResponseEntry {
  repositoryUniqueId: string;
  documentUniqueId: string;
  mimeType: string;
  content: XmlElement;
}

/**
 * What an answer says, whoever wrote it.
 * @param extras - what the schema allows and we never write: lists of slots, the new names of a document
 */
export function readResponse(
  body: XmlElement,
  extras: 'refused' | 'passed over',
): { status: ResponseStatus; entries: ResponseEntry[]; errors: RegistryError[] } {
  const [response] = childElements(body);
  if (!isNamed(response, iheNamespace, 'RetrieveDocumentSetResponse')) throw refused('no RetrieveDocumentSetResponse');
  const [registryResponse, ...entries] = childElements(response);
  if (!isNamed(registryResponse, rsNamespace, 'RegistryResponse')) throw refused('no RegistryResponse first');
  const uri = attributeOf(registryResponse, '', 'status');
  const status = (['Success', 'PartialSuccess', 'Failure'] as const).find(name => statusUris[name] === uri);
  if (status === undefined) throw refused('an unknown status');
  return {
    status,
    entries: entries.map(entry => readDocument(entry, extras)),
    errors: readErrors(registryResponse, extras),
  };
}

function readErrors(registryResponse: XmlElement, extras: 'refused' | 'passed over'): RegistryError[] {
  const parts = childElements(registryResponse);
  const lists = parts.filter(part => isNamed(part, rsNamespace, 'RegistryErrorList'));
  if (lists.length > 1 || (extras === 'refused' && parts.length > lists.length)) {
    throw refused('not exactly a RegistryErrorList');
  }
  const [list] = lists;
  if (list === undefined) return [];
  return childElements(list).map(entry => {
    if (!isNamed(entry, rsNamespace, 'RegistryError')) throw refused('something else than a RegistryError');
    const errorCode = attributeOf(entry, '', 'errorCode');
    const codeContext = attributeOf(entry, '', 'codeContext');
    const severity = attributeOf(entry, '', 'severity') ?? `${severityPrefix}Error`;
    const location = attributeOf(entry, '', 'location');
    if (errorCode === undefined || codeContext === undefined) throw refused('a RegistryError without its attributes');
    return {
      errorCode,
      codeContext,
      severity: severity === `${severityPrefix}Warning` ? 'Warning' : 'Error',
      ...(location === undefined ? {} : { location }),
    };
  });
}

function readDocument(entry: XmlElement, extras: 'refused' | 'passed over'): ResponseEntry {
  if (!isNamed(entry, iheNamespace, 'DocumentResponse')) throw refused('something else than a DocumentResponse');
  const fields = childElements(entry);
  const { repositoryUniqueId, documentUniqueId } = takeIdentity(fields);
  for (const name of extras === 'passed over' ? ['NewRepositoryUniqueId', 'NewDocumentUniqueId'] : []) {
    if (isNamed(fields[0], iheNamespace, name)) fields.shift();
  }
  const mimeType = takeLongName(fields, 'mimeType');
  const [content, ...more] = fields;
  if (!isNamed(content, iheNamespace, 'Document') || more.length > 0) throw refused('no Document where it belongs');
  return { repositoryUniqueId, documentUniqueId, mimeType, content };
}

/** type/subtype without parameters: what may stand in a header line as it is. */
export function isMimeType(text: string): boolean {
  return /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(text);
}

/** Which attachment a Document element includes (XOP 1.0); null if it holds something else. */
export function includedContentId(content: XmlElement): string | null {
  if (!content.children.some(child => typeof child !== 'string')) return null;
  const [include, ...others] = childElements(content);
  if (!isNamed(include, xopNamespace, 'Include') || others.length > 0) return null;
  const href = attributeOf(include, '', 'href') ?? '';
  if (!href.startsWith('cid:')) throw refused('a Document that is not in the message');
  return decodeContentId(href.slice(4));
}

function refuseAttributes(element: XmlElement): void {
  if (element.attributes.some(attribute => attribute.uri !== xsiNamespace)) {
    throw refused(`an attribute of ${element.local} that the schema does not name`);
  }
}

function refused(reason: string): XdsError {
  return new XdsError({ code: 'XDS_BODY', reason }, `body refused: ${reason}`);
}
