/**
 * SOAP 1.2 faults (part 1 section 5.4), with the subcodes of WS-Security 1.1 section 12 and of WS-Addressing 1.0,
 * SOAP binding section 6. Faults are not signed; a requester believes no more of one than that it was refused.
 */
import { utf8 } from '@radpass/core';
import { addressingXml, createMessageId, wsaNamespace } from './addressing.js';
import { escapeText } from './canonicalXml.js';
import { type AddressingFault, type FaultKind, XdsError } from './errors.js';
import { type Envelope, envelopeXml, soapNamespace } from './soap.js';
import { childElements, isNamed, tokenOf, type XmlElement } from './xmlReader.js';

/** Code, subcode and HTTP status (SOAP 1.2 part 2, table 20: 400 for Sender, 500 for the others; 415 by section 7.5.1) per kind. */
const faults: Record<FaultKind, { code: string; subcode?: string; status: number }> = {
  sender: { code: 'Sender', status: 400 },
  'media-type': { code: 'Sender', status: 415 },
  receiver: { code: 'Receiver', status: 500 },
  'version-mismatch': { code: 'VersionMismatch', status: 500 },
  'must-understand': { code: 'MustUnderstand', status: 500 },
  'security-invalid': { code: 'Sender', subcode: 'wsse:InvalidSecurity', status: 400 },
  'security-algorithm': { code: 'Sender', subcode: 'wsse:UnsupportedAlgorithm', status: 400 },
  'security-failed-check': { code: 'Sender', subcode: 'wsse:FailedCheck', status: 400 },
  'security-expired': { code: 'Sender', subcode: 'wsu:MessageExpired', status: 400 },
  addressing: { code: 'Sender', subcode: 'wsa:InvalidAddressingHeader', status: 400 },
  'addressing-required': { code: 'Sender', subcode: 'wsa:MessageAddressingHeaderRequired', status: 400 },
  'action-not-supported': { code: 'Sender', subcode: 'wsa:ActionNotSupported', status: 400 },
};

/**
 * A fault message, as plain SOAP 1.2.
 * @param p.relatesTo - the MessageID of the request, if it could be read: some clients drop an answer without it
 * @param p.text - the reason, in English; give nothing away in it
 * @param p.problem - of kind 'addressing': what is wrong with the header
 */
export function createFault(p: { kind: FaultKind; relatesTo?: string; text: string; problem?: AddressingFault }): {
  contentType: string;
  body: Uint8Array;
  status: number;
} {
  const { code, subcode, status } = faults[p.kind];
  const problem = p.problem === undefined ? '' : subcodeXml(`wsa:${p.problem}`);
  const detail = subcode === undefined ? '' : subcodeXml(subcode, problem);
  const body =
    `<soap:Fault><soap:Code><soap:Value>soap:${code}</soap:Value>${detail}</soap:Code>` +
    `<soap:Reason><soap:Text xml:lang="en">${escapeText(p.text)}</soap:Text></soap:Reason></soap:Fault>`;
  const action = subcode?.startsWith('wsa:') ? `${wsaNamespace}/fault` : `${wsaNamespace}/soap/fault`;
  const relatesTo = p.relatesTo === undefined ? {} : { relatesTo: p.relatesTo };
  const header = addressingXml({ action, messageId: createMessageId(), ...relatesTo }, 'unsigned');
  return { contentType: 'application/soap+xml; charset=UTF-8', body: utf8(envelopeXml(header, body)), status };
}

function subcodeXml(value: string, within = ''): string {
  return `<soap:Subcode><soap:Value>${value}</soap:Value>${within}</soap:Subcode>`;
}

/** Throw what a fault says, if this envelope is one. @throws XdsError XDS_FAULT, with printable text of bounded length */
export function refuseFault(envelope: Envelope): void {
  if (!isNamed(envelope.content, soapNamespace, 'Fault')) return;
  const [code, reason] = childElements(envelope.content);
  const [value, subcode] = childOf(code, 'Code');
  const [subcodeValue] = subcode === undefined ? [] : childOf(subcode, 'Subcode');
  const [text] = childOf(reason, 'Reason');
  const detail = {
    code: 'XDS_FAULT' as const,
    faultCode: localName(value),
    subcode: localName(subcodeValue),
    reason: text === undefined ? '' : clean(tokenOf(text)),
  };
  throw new XdsError(detail, `the other side answered with a fault: ${detail.faultCode} ${detail.subcode}`.trim());
}

function childOf(element: XmlElement | undefined, name: string): XmlElement[] {
  if (!isNamed(element, soapNamespace, name)) {
    throw new XdsError(
      { code: 'XDS_SOAP', reason: 'a malformed fault' },
      'the other side answered with a malformed fault',
    );
  }
  return childElements(element);
}

function localName(element: XmlElement | undefined): string {
  return element === undefined ? '' : clean(tokenOf(element).replace(/^.*:/, ''));
}

function clean(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
