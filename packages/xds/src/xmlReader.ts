/**
 * The strict XML reader: bytes in, one immutable tree out, or a refusal. Signature check and business code read
 * this same tree, so there is no second parser that could see something else.
 *
 * A narrow profile of XML 1.0 + Namespaces: UTF-8 only; no DTD (so no entities but the five and characters), no
 * processing instruction, no comment; CDATA folded into text; names are ASCII NCNames; namespace names are printable
 * ASCII without "&<> so that none is trimmed (saxes does) or left unescaped (libxml2's c14n does); no two attributes
 * called id (in any case or namespace) share a value.
 * Sizes are checked before parsing, structure while parsing: saxes is quadratic in depth, which 32 makes harmless.
 */
import { SaxesParser, type SaxesTagNS } from 'saxes';
import { XdsError } from './errors.js';

/** Caps of one XML document. */
export const xmlLimits = { bytes: 65_536, depth: 32, elements: 2_000, attributes: 64 } as const;

export const xmlNamespace = 'http://www.w3.org/XML/1998/namespace';
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';

export interface XmlAttribute {
  readonly prefix: string;
  readonly local: string;
  /** empty without a prefix */
  readonly uri: string;
  readonly value: string;
}

export interface XmlElement {
  readonly prefix: string;
  readonly local: string;
  readonly uri: string;
  /** in document order, without namespace declarations */
  readonly attributes: readonly XmlAttribute[];
  /** prefix ('' = default) to namespace name, as declared on this very element */
  readonly declared: ReadonlyMap<string, string>;
  readonly parent: XmlElement | null;
  /** text is a string; two strings never stand side by side */
  readonly children: readonly (XmlElement | string)[];
  /** the element's span in the source, in UTF-16 code units: [start, end) */
  readonly start: number;
  readonly end: number;
}

interface Building extends XmlElement {
  readonly attributes: XmlAttribute[];
  readonly declared: Map<string, string>;
  readonly parent: Building | null;
  readonly children: (XmlElement | string)[];
  end: number;
}

const ncName = /^[A-Za-z_][A-Za-z0-9._-]*$/;
const namespaceName = /^[\x21\x23-\x25\x27-\x3b\x3d\x3f-\x7e]*$/;
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
  const text = decodeUtf8(bytes);
  const parser = new SaxesParser({ xmlns: true, forceXMLVersion: true, defaultXMLVersion: '1.0', position: false });
  const ids = new Set<string>();
  let root: Building | null = null;
  let open: Building | null = null;
  let depth = 0;
  let elements = 0;
  let attributes = 0;
  let start = 0;

  const refuse = (reason: string): never => {
    throw new XdsError(
      { code: 'XDS_XML', reason, at: parser.position },
      `XML refused at ${parser.position}: ${reason}`,
    );
  };
  const addText = (piece: string): void => {
    if (open === null) return; // white space around the root
    const last = open.children.length - 1;
    const before = open.children[last];
    if (typeof before === 'string') open.children[last] = before + piece;
    else if (piece !== '') open.children.push(piece);
  };

  parser.on('error', error => refuse(error.message));
  parser.on('doctype', () => refuse('a document type declaration'));
  parser.on('processinginstruction', () => refuse('a processing instruction'));
  parser.on('comment', () => refuse('a comment'));
  parser.on('xmldecl', declaration => {
    if (declaration.version !== '1.0') refuse('an XML version other than 1.0');
    if (declaration.encoding !== undefined && declaration.encoding.toLowerCase() !== 'utf-8') {
      refuse('an encoding other than UTF-8');
    }
  });
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('opentagstart', tag => {
    if (++depth > xmlLimits.depth) throw limit('depth');
    if (++elements > xmlLimits.elements) throw limit('elements');
    attributes = 0;
    start = parser.position - tag.name.length - 2;
  });
  parser.on('attribute', () => {
    if (++attributes > xmlLimits.attributes) throw limit('attributes');
  });
  parser.on('opentag', tag => {
    const element = build(tag, open, start, ids, refuse);
    if (open === null) root = element;
    else open.children.push(element);
    open = element;
  });
  parser.on('closetag', () => {
    depth--;
    if (open !== null) {
      open.end = parser.position;
      open = open.parent;
    }
  });
  parser.write(text).close();
  return root ?? refuse('no root element');
}

function build(
  tag: SaxesTagNS,
  parent: Building | null,
  start: number,
  ids: Set<string>,
  refuse: (reason: string) => never,
): Building {
  const element: Building = {
    prefix: tag.prefix,
    local: tag.local,
    uri: tag.uri,
    attributes: [],
    declared: new Map(),
    parent,
    children: [],
    start,
    end: start,
  };
  checkName(tag.prefix, tag.local, refuse);
  for (const name in tag.attributes) {
    const { prefix, local, uri, value } = tag.attributes[name]!;
    if (uri === xmlnsNamespace) {
      if (!namespaceName.test(value)) refuse('a namespace name that implementations treat differently');
      const declares = prefix === '' ? '' : local;
      if (declares === 'xml') refuse('a declaration of the xml prefix');
      if (declares !== '' && !ncName.test(declares)) refuse('a name that is no ASCII NCName');
      element.declared.set(declares, value);
      continue;
    }
    checkName(prefix, local, refuse);
    if (local.toLowerCase() === 'id') {
      if (ids.has(value)) refuse('two elements with the same id');
      ids.add(value);
    }
    element.attributes.push({ prefix, local, uri, value });
  }
  return element;
}

function checkName(prefix: string, local: string, refuse: (reason: string) => never): void {
  if (!ncName.test(local) || (prefix !== '' && !ncName.test(prefix))) refuse('a name that is no ASCII NCName');
}

function limit(which: 'depth' | 'elements' | 'attributes'): XdsError {
  const max = xmlLimits[which];
  return new XdsError({ code: 'XDS_XML_LIMIT', limit: which, max }, `XML with more than ${max} ${which}`);
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

/** The namespace that `prefix` ('' = default) stands for at this element, or undefined. */
export function namespaceInScope(element: XmlElement, prefix: string): string | undefined {
  for (let at: XmlElement | null = element; at !== null; at = at.parent) {
    const uri = at.declared.get(prefix);
    if (uri !== undefined) return uri;
  }
  return undefined;
}

function unexpected(element: XmlElement, reason: string): XdsError {
  return new XdsError(
    { code: 'XDS_XML', reason, at: element.start },
    `${reason} in the element at ${element.start} (${element.local})`,
  );
}
