/** Another parser for the same profile, on saxes: what `readXml` is held against. */
import { type SaxesAttributeNS, SaxesParser } from 'saxes';

/** A tree without spans, as JSON has it. */
export interface Tree {
  name: [prefix: string, local: string, uri: string];
  attributes: [prefix: string, local: string, uri: string, value: string][];
  declared: [prefix: string, uri: string][];
  children: (Tree | string)[];
}

const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';
const ncName = /^[A-Za-z_][A-Za-z0-9._-]*$/;
const namespaceName = /^[\x21\x23-\x25\x27-\x3b\x3d\x3f-\x7e]*$/;

/** The root of what the profile takes, null for everything else; caps are not looked at. */
export function readBySaxes(text: string): Tree | null {
  const parser = new SaxesParser({ xmlns: true, forceXMLVersion: true, defaultXMLVersion: '1.0' });
  const ids = new Set<string>();
  const open: Tree[] = [];
  let root: Tree | null = null;
  const refuse = (reason: string): never => {
    throw new SyntaxError(reason);
  };
  const addText = (piece: string): void => {
    const children = open.at(-1)?.children;
    if (children === undefined || piece === '') return;
    const last = children.at(-1);
    if (typeof last === 'string') children[children.length - 1] = last + piece;
    else children.push(piece);
  };
  const checkName = (prefix: string, local: string): void => {
    if (!ncName.test(local) || (prefix !== '' && !ncName.test(prefix))) refuse('name');
  };
  const addAttribute = (tree: Tree, { prefix, local, uri, value }: SaxesAttributeNS): void => {
    if (uri === xmlnsNamespace) {
      const declares = prefix === '' ? '' : local;
      if (!namespaceName.test(value) || declares === 'xml') refuse('declaration');
      if (declares !== '') checkName('', declares);
      tree.declared.push([declares, value]);
      return;
    }
    checkName(prefix, local);
    if (local.toLowerCase() === 'id') {
      if (ids.has(value)) refuse('id');
      ids.add(value);
    }
    tree.attributes.push([prefix, local, uri, value]);
  };
  parser.on('error', error => refuse(error.message));
  parser.on('doctype', () => refuse('doctype'));
  parser.on('processinginstruction', () => refuse('processing instruction'));
  parser.on('comment', () => refuse('comment'));
  parser.on('xmldecl', ({ version, encoding = 'utf-8' }) => {
    if (version !== '1.0' || encoding.toLowerCase() !== 'utf-8') refuse('declaration');
  });
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('opentag', tag => {
    const tree: Tree = { name: [tag.prefix, tag.local, tag.uri], attributes: [], declared: [], children: [] };
    checkName(tag.prefix, tag.local);
    for (const each of Object.values(tag.attributes)) addAttribute(tree, each);
    open.at(-1)?.children.push(tree);
    root ??= tree;
    open.push(tree);
  });
  parser.on('closetag', () => void open.pop());
  try {
    parser.write(text).close();
    return root;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
