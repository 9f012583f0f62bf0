/**
 * SOAP 1.2 (W3C, part 1 section 5): Envelope = Header, Body and nothing else; Body = one element.
 * Header blocks for another role are refused, as there are no intermediaries here; so is every block that must be
 * understood and is not. Other unknown blocks are ignored: nothing ever reads them.
 */
import { wsaNamespace } from './addressing.js';
import { XdsError } from './errors.js';
import { attributeOf, childElements, isNamed, readXml, type XmlElement } from './xmlReader.js';
import { wsuNamespace } from './xmlSignature.js';

export const soapNamespace = 'http://www.w3.org/2003/05/soap-envelope';
export const wsseNamespace = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const ultimateReceiver = `${soapNamespace}/role/ultimateReceiver`;

/** An envelope of the right form; nothing in it is verified. */
export interface Envelope {
  readonly headers: readonly XmlElement[];
  readonly body: XmlElement;
  /** the Body's one element */
  readonly content: XmlElement;
}

/**
 * Parse the bytes of an envelope.
 * @param maxBytes - as `readXml` takes it
 * @throws XdsError XDS_SOAP, XDS_SOAP_VERSION, XDS_MUST_UNDERSTAND and those of `readXml`
 */
export function parseEnvelope(bytes: Uint8Array, maxBytes?: number): Envelope {
  const root = readXml(bytes, maxBytes);
  if (!isNamed(root, soapNamespace, 'Envelope')) {
    throw new XdsError({ code: 'XDS_SOAP_VERSION' }, 'the root element is no SOAP 1.2 Envelope');
  }
  const parts = childElements(root);
  const header = isNamed(parts[0], soapNamespace, 'Header') ? parts.shift() : undefined;
  const body = parts.shift();
  if (!isNamed(body, soapNamespace, 'Body') || parts.length > 0) {
    throw malformed('Envelope is not exactly Header and Body');
  }
  const headers = header === undefined ? [] : childElements(header);
  for (const block of headers) checkBlock(block);
  const [content, ...more] = childElements(body);
  if (content === undefined || more.length > 0) throw malformed('Body does not hold exactly one element');
  return { headers, body, content };
}

/** SOAP 1.2 part 1, sections 2.4 and 5.2. */
function checkBlock(block: XmlElement): void {
  if ((attributeOf(block, soapNamespace, 'role') ?? ultimateReceiver) !== ultimateReceiver) {
    throw malformed('a header block for another role');
  }
  const mandatory = attributeOf(block, soapNamespace, 'mustUnderstand') ?? 'false';
  if (!['true', '1', 'false', '0'].includes(mandatory)) throw malformed('mustUnderstand is no boolean');
  const understood = block.uri === wsaNamespace || (block.uri === wsseNamespace && block.local === 'Security');
  if (!understood && (mandatory === 'true' || mandatory === '1')) {
    throw new XdsError(
      { code: 'XDS_MUST_UNDERSTAND', header: block.local },
      `the header ${block.local} must be understood and is not`,
    );
  }
}

function malformed(reason: string): XdsError {
  return new XdsError({ code: 'XDS_SOAP', reason }, `SOAP envelope refused: ${reason}`);
}

/** An envelope's text. Prefixes soap, wsa, wsse and wsu are declared on the root. @param bodyAttributes - with a leading space */
export function envelopeXml(header: string, body: string, bodyAttributes = ''): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<soap:Envelope xmlns:soap="${soapNamespace}" xmlns:wsa="${wsaNamespace}" xmlns:wsse="${wsseNamespace}" ` +
    `xmlns:wsu="${wsuNamespace}"><soap:Header>${header}</soap:Header>` +
    `<soap:Body${bodyAttributes}>${body}</soap:Body></soap:Envelope>`
  );
}
