/**
 * Exclusive XML Canonicalization 1.0 without comments (W3C, 18 July 2002), of one element of the tree.
 *
 * Per element: the namespace declarations that the element's name or its attributes' names need and that no
 * rendered ancestor gave, sorted by prefix; then the attributes, sorted by namespace name and local name; then the
 * content. Prefixes of an InclusiveNamespaces list are rendered wherever they are in scope and not yet rendered.
 * All names in the tree are ASCII, so comparing UTF-16 units is comparing code points.
 */
import { namespaceInScope, type XmlAttribute, type XmlElement, xmlNamespace } from './xmlReader.js';

export const exclusiveC14n = 'http://www.w3.org/2001/10/xml-exc-c14n#';

type Rendered = ReadonlyMap<string, string>;
const nothing: Rendered = new Map();

/**
 * The canonical form of `apex` and everything in it.
 * @param inclusivePrefixes - the PrefixList ('' for #default); empty for plain exclusive form
 */
export function canonicalize(apex: XmlElement, inclusivePrefixes: readonly string[] = []): string {
  return render(apex, nothing, inclusivePrefixes);
}

function render(element: XmlElement, above: Rendered, inclusivePrefixes: readonly string[]): string {
  const name = qualified(element);
  const needed = neededNamespaces(element, inclusivePrefixes);
  let rendered = above;
  let out = `<${name}`;
  for (const prefix of [...needed.keys()].sort(compare)) {
    const uri = needed.get(prefix)!;
    if ((rendered.get(prefix) ?? '') === uri) continue; // only the default can be '': xmlns="" undoes a rendered one
    if (rendered === above) rendered = new Map(above);
    (rendered as Map<string, string>).set(prefix, uri);
    out += prefix === '' ? ` xmlns="${escapeAttribute(uri)}"` : ` xmlns:${prefix}="${escapeAttribute(uri)}"`;
  }
  const attributes =
    element.attributes.length > 1 ? [...element.attributes].sort(compareAttributes) : element.attributes;
  for (const attribute of attributes) out += ` ${qualified(attribute)}="${escapeAttribute(attribute.value)}"`;
  out += '>';
  for (const child of element.children) {
    out += typeof child === 'string' ? escapeText(child) : render(child, rendered, inclusivePrefixes);
  }
  return `${out}</${name}>`;
}

/** "Visibly utilized" prefixes (section 1.1) and those of the list that are in scope, with what they stand for. */
function neededNamespaces(element: XmlElement, inclusivePrefixes: readonly string[]): Map<string, string> {
  const needed = new Map<string, string>();
  const add = (prefix: string, uri: string): void => {
    if (uri !== xmlNamespace) needed.set(prefix, uri);
  };
  add(element.prefix, element.uri);
  for (const { prefix, uri } of element.attributes) if (prefix !== '') add(prefix, uri);
  for (const prefix of inclusivePrefixes) {
    const uri = namespaceInScope(element, prefix) ?? (prefix === '' ? '' : undefined);
    if (uri !== undefined) add(prefix, uri);
  }
  return needed;
}

function qualified({ prefix, local }: { prefix: string; local: string }): string {
  return prefix === '' ? local : `${prefix}:${local}`;
}

function compareAttributes(a: XmlAttribute, b: XmlAttribute): number {
  return compare(a.uri, b.uri) || compare(a.local, b.local);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Character data as canonical XML writes it; also right for any text that we write. */
export function escapeText(text: string): string {
  return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, c => textEscapes[c]!) : text;
}

/** An attribute value, between double quotes, as canonical XML writes it. */
export function escapeAttribute(value: string): string {
  return /[&<"\t\n\r]/.test(value) ? value.replace(/[&<"\t\n\r]/g, c => attributeEscapes[c]!) : value;
}

const textEscapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };
const attributeEscapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};
