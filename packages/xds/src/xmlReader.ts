/**
 * The strict XML reader: bytes in, one immutable tree out, or a refusal. Signature check and business code read
 * this same tree, so there is no second parser that could see something else.
 *
 * A narrow profile of XML 1.0 + Namespaces: UTF-8 only; no DTD (so no entities but the five and characters), no
 * processing instruction, no comment; CDATA folded into text; names are ASCII NCNames; namespace names are printable
 * ASCII without "&<> so that none is trimmed (some parsers do) or left unescaped (libxml2's c14n does); no two attributes
 * called id (in any case or namespace) share a value. What is left is small enough for a parser of our own (xmlParser.ts),
 * which a test holds against another on mutated messages.
 * Sizes are checked before parsing, structure while parsing.
 */
import { XdsError } from './errors.js';
import { parseXml, type XmlElement, xmlLimits } from './xmlParser.js';

export { namespaceInScope, type XmlAttribute, type XmlElement, xmlLimits, xmlNamespace } from './xmlParser.js';

const blank = /^[\t\n\r ]*$/;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parse one document.
 *
 * @param maxBytes - more than the cap only where documents stand within the XML, which other repositories do
 * @returns the root element
 * @throws XdsError XDS_TOO_LARGE, XDS_XML_LIMIT, XDS_XML; linear in the size
 */
export function readXml(bytes: Uint8Array, maxBytes: number = xmlLimits.bytes): XmlElement {
  if (bytes.length > maxBytes) {
    throw new XdsError(
      { code: 'XDS_TOO_LARGE', what: 'XML', maxBytes },
      `XML of ${bytes.length} bytes, allowed are ${maxBytes}`,
    );
  }
  return parseXml(decodeUtf8(bytes));
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new XdsError({ code: 'XDS_XML', reason: 'not UTF-8', at: 0 }, 'XML refused: not UTF-8', { cause });
  }
}

/** The child elements of an element that may hold no text. @throws XdsError XDS_XML for text between them */
export function childElements(parent: XmlElement): XmlElement[] {
  const found: XmlElement[] = [];
  for (const child of parent.children) {
    if (typeof child !== 'string') found.push(child);
    else if (!blank.test(child)) throw unexpected(parent, 'text between elements');
  }
  return found;
}

/** The text of an element that may hold no elements; exactly as signed, white space and all. @throws XdsError XDS_XML */
export function textOf(element: XmlElement): string {
  const [text, ...more] = element.children;
  if (text === undefined) return '';
  if (typeof text !== 'string' || more.length > 0) throw unexpected(element, 'an element within text');
  return text;
}

/** `textOf` without white space around it, for xs:anyURI, xs:dateTime and the like. @throws XdsError XDS_XML */
export function tokenOf(element: XmlElement): string {
  return textOf(element).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
}

/** Is this the element `local` of namespace `uri`? */
export function isNamed(element: XmlElement | undefined, uri: string, local: string): element is XmlElement {
  return element !== undefined && element.local === local && element.uri === uri;
}

/** The value of an attribute, or undefined. @param uri - empty for an attribute without a prefix */
export function attributeOf(element: XmlElement, uri: string, local: string): string | undefined {
  return element.attributes.find(a => a.local === local && a.uri === uri)?.value;
}

function unexpected(element: XmlElement, reason: string): XdsError {
  return new XdsError(
    { code: 'XDS_XML', reason, at: element.start },
    `${reason} in the element at ${element.start} (${element.local})`,
  );
}
