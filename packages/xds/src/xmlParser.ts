/**
 * XML text to a tree, in one pass: the grammar of `xmlReader.ts`, which says what is left out and why. Section numbers are
 * those of XML 1.0 (fifth edition) and, with an N, of Namespaces in XML 1.0.
 *
 * What is left out leaves a language of tags, text, CDATA sections and references, each of which begins where the one
 * before ended. So the text is cut by searching for "<", and tags are read by expressions that are tried at one place only.
 */
import { XdsError } from './errors.js';

/** Caps of one XML document. */
export const xmlLimits = { bytes: 65_536, depth: 32, elements: 2_000, attributes: 64 } as const;

export const xmlNamespace = 'http://www.w3.org/XML/1998/namespace';

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

const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';

interface Building extends XmlElement {
  readonly attributes: XmlAttribute[];
  readonly declared: Map<string, string>;
  readonly parent: Building | null;
  readonly children: (XmlElement | string)[];
  end: number;
}

const name = '[A-Za-z_][A-Za-z0-9._-]*';
const space = '[\\t\\n\\r ]';
const equals = `${space}*=${space}*`;
const quoted = (value: string): string => `(?:"${value}"|'${value}')`;
/** Section 2.8, for version 1.0 and UTF-8. */
const declaration = new RegExp(
  `^<\\?xml${space}+version${equals}${quoted('1\\.0')}(?:${space}+encoding${equals}${quoted('[Uu][Tt][Ff]-8')})?` +
    `(?:${space}+standalone${equals}${quoted('(?:yes|no)')})?${space}*\\?>`,
);
const tagStart = new RegExp(`<(?:(${name}):)?(${name})`, 'y');
const attribute = new RegExp(`${space}+(?:(${name}):)?(${name})${equals}(?:"([^<"]*)"|'([^<']*)')`, 'y');
const tagEnd = new RegExp(`${space}*(/?)>`, 'y');
const closingTag = new RegExp(`</((?:${name}:)?${name})${space}*>`, 'y');
/** What section 2.2 leaves out of Char; that surrogates stand in pairs is the decoder's to see to. */
const notChar = /[^\t\n\r\u0020-\ufffd]/;
const blank = /^[\t\n\r ]*$/;
/** A namespace name that all implementations treat alike. */
const namespaceName = /^[\x21\x23-\x25\x27-\x3b\x3d\x3f-\x7e]*$/;
const entities: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['apos', "'"],
  ['quot', '"'],
]);

/** @returns the root. @throws XdsError XDS_XML, XDS_XML_LIMIT; linear in the text */
export function parseXml(text: string): XmlElement {
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  readonly #hasReturns: boolean;
  readonly #ids = new Set<string>();
  #at = 0;
  #root: Building | null = null;
  #open: Building | null = null;
  #depth = 0;
  #elements = 0;

  constructor(text: string) {
    this.#text = text;
    this.#hasReturns = text.includes('\r');
  }

  parse(): XmlElement {
    const text = this.#text;
    const strange = notChar.exec(text);
    if (strange !== null) this.#refuse('a character that XML does not allow', strange.index);
    const mark = text.startsWith('\ufeff') ? 1 : 0;
    const declared = declaration.exec(mark === 0 ? text : text.slice(1));
    this.#at = mark + (declared?.[0].length ?? 0);
    for (let next = this.#nextMarkup(); next >= 0; next = this.#nextMarkup()) {
      this.#addText(this.#at, next);
      this.#at = next;
      this.#readMarkup();
    }
    this.#addText(this.#at, text.length);
    if (this.#open !== null) this.#refuse('an element that does not end', text.length);
    return this.#root ?? this.#refuse('no root element', text.length);
  }

  #nextMarkup(): number {
    return this.#text.indexOf('<', this.#at);
  }

  #readMarkup(): void {
    const next = this.#text[this.#at + 1];
    if (next === '?') this.#refuse('a processing instruction');
    else if (next === '!') this.#readSection();
    else if (next === '/') this.#readClosingTag();
    else this.#readTag();
  }

  /** Section 3.1. */
  #readTag(): void {
    if (this.#open === null && this.#root !== null) this.#refuse('a second root element');
    const start = this.#at;
    const [, prefix = '', local] = this.#expect(tagStart, 'a name that is no ASCII NCName');
    if (++this.#depth > xmlLimits.depth) throw limit('depth');
    if (++this.#elements > xmlLimits.elements) throw limit('elements');
    const element: Building & { uri: string } = {
      prefix,
      local: local!,
      uri: '',
      attributes: [],
      declared: new Map(),
      parent: this.#open,
      children: [],
      start,
      end: start,
    };
    const attributes = this.#readAttributes(element.declared);
    element.uri = prefix === '' ? (namespaceInScope(element, '') ?? '') : this.#namespaceOf(element, prefix);
    for (const { prefix: of, local: called, value } of attributes) {
      this.#addAttribute(element, {
        prefix: of,
        local: called,
        uri: of === '' ? '' : this.#namespaceOf(element, of),
        value,
      });
    }
    const [, slash] = this.#expect(tagEnd, 'something in a tag that is no attribute');
    if (this.#open === null) this.#root = element;
    else this.#open.children.push(element);
    this.#open = element;
    if (slash === '/') this.#close(element);
  }

  /** Declarations go to `declared`; the others are returned, in document order. */
  #readAttributes(declared: Map<string, string>): Omit<XmlAttribute, 'uri'>[] {
    const attributes: Omit<XmlAttribute, 'uri'>[] = [];
    for (let count = 1; ; count++) {
      attribute.lastIndex = this.#at;
      const match = attribute.exec(this.#text);
      if (match === null) return attributes;
      if (count > xmlLimits.attributes) throw limit('attributes');
      this.#at = attribute.lastIndex;
      const [, prefix = '', local = '', double, single] = match;
      const value = this.#attributeValue(double ?? single ?? '');
      if (prefix === 'xmlns') this.#declare(declared, local, value);
      else if (prefix === '' && local === 'xmlns') this.#declare(declared, '', value);
      else attributes.push({ prefix, local, value });
    }
  }

  /** Sections N2 and N3; the xml prefix may be declared there, and has no need to be. */
  #declare(declared: Map<string, string>, prefix: string, value: string): void {
    if (!namespaceName.test(value)) this.#refuse('a namespace name that implementations treat differently');
    if (prefix === 'xml' || prefix === 'xmlns') this.#refuse(`a declaration of the ${prefix} prefix`);
    if (value === xmlNamespace || value === xmlnsNamespace) this.#refuse('a declaration of a reserved namespace');
    if (prefix !== '' && value === '') this.#refuse('a prefix declared to be none');
    if (declared.has(prefix)) this.#refuse('one attribute twice');
    declared.set(prefix, value);
  }

  #namespaceOf(element: XmlElement, prefix: string): string {
    if (prefix === 'xml') return xmlNamespace;
    return namespaceInScope(element, prefix) ?? this.#refuse('an undeclared prefix');
  }

  #addAttribute(element: Building, added: XmlAttribute): void {
    const isSame = ({ local, uri }: XmlAttribute): boolean => local === added.local && uri === added.uri;
    if (element.attributes.some(isSame)) this.#refuse('one attribute twice');
    if (added.local.toLowerCase() === 'id') {
      if (this.#ids.has(added.value)) this.#refuse('two elements with the same id');
      this.#ids.add(added.value);
    }
    element.attributes.push(added);
  }

  #readClosingTag(): void {
    const [, called] = this.#expect(closingTag, 'a malformed end tag');
    const open = this.#open ?? this.#refuse('an end tag without a start');
    if (called !== (open.prefix === '' ? open.local : `${open.prefix}:${open.local}`)) {
      this.#refuse('the end tag of another element');
    }
    this.#close(open);
  }

  #close(element: Building): void {
    element.end = this.#at;
    this.#open = element.parent;
    this.#depth--;
  }

  /** Section 2.7. */
  #readSection(): void {
    const opening = '<![CDATA[';
    if (this.#text.startsWith('<!--', this.#at)) this.#refuse('a comment');
    if (!this.#text.startsWith(opening, this.#at)) this.#refuse('a document type declaration');
    const from = this.#at + opening.length;
    const end = this.#text.indexOf(']]>', from);
    if (end < 0) this.#refuse('a CDATA section that does not end');
    if (this.#open === null) this.#refuse('text outside the root element');
    this.#append(this.#withLineFeeds(this.#text.slice(from, end)));
    this.#at = end + 3;
  }

  /** Section 2.4: character data and references. */
  #addText(from: number, to: number): void {
    if (from === to) return;
    const piece = this.#text.slice(from, to);
    if (this.#open === null) {
      if (!blank.test(piece)) this.#refuse('text outside the root element', from);
      return;
    }
    if (piece.includes(']]>')) this.#refuse('"]]>" in text', from);
    this.#append(this.#resolve(this.#withLineFeeds(piece)));
  }

  #append(piece: string): void {
    const { children } = this.#open!;
    const last = children.length - 1;
    const before = children[last];
    if (typeof before === 'string') children[last] = before + piece;
    else if (piece !== '') children.push(piece);
  }

  /** Section 2.11. */
  #withLineFeeds(piece: string): string {
    return this.#hasReturns ? piece.replace(/\r\n?/g, '\n') : piece;
  }

  /** Section 3.3.3, for attributes without a type. */
  #attributeValue(value: string): string {
    return this.#resolve(/[\t\n\r]/.test(value) ? value.replace(/\r\n|[\t\n\r]/g, ' ') : value);
  }

  /** Section 4.1: the five entities and characters by number. */
  #resolve(piece: string): string {
    if (!piece.includes('&')) return piece;
    return piece.replace(/&([^&;]*)(;?)/g, (_, called: string, end: string) => {
      const meant = end === '' ? undefined : (entities.get(called) ?? characterOf(called));
      return meant ?? this.#refuse('a reference to nothing that is known');
    });
  }

  /** What stands here, which is then behind. */
  #expect(expression: RegExp, otherwise: string): RegExpExecArray {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#text);
    if (match === null) return this.#refuse(otherwise);
    this.#at = expression.lastIndex;
    return match;
  }

  #refuse(reason: string, at: number = this.#at): never {
    throw new XdsError({ code: 'XDS_XML', reason, at }, `XML refused at ${at}: ${reason}`);
  }
}

/** The character of "#38" or "#x26"; undefined for what is no reference to a Char. */
function characterOf(called: string): string | undefined {
  const [, hex, decimal] = /^#(?:x0*([0-9A-Fa-f]{1,6})|0*([0-9]{1,7}))$/.exec(called) ?? [];
  if (hex === undefined && decimal === undefined) return undefined;
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  const character = String.fromCodePoint(code);
  return notChar.test(character) ? undefined : character;
}

function limit(which: 'depth' | 'elements' | 'attributes'): XdsError {
  const max = xmlLimits[which];
  return new XdsError({ code: 'XDS_XML_LIMIT', limit: which, max }, `XML with more than ${max} ${which}`);
}

/** The namespace that `prefix` ('' = default) stands for at this element, or undefined. */
export function namespaceInScope(element: XmlElement, prefix: string): string | undefined {
  for (let at: XmlElement | null = element; at !== null; at = at.parent) {
    const uri = at.declared.get(prefix);
    if (uri !== undefined) return uri;
  }
  return undefined;
}
