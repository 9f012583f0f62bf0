import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesBelow, nameOf, packages, root } from '../dist/workspace.js';

const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const codePattern = /\b(?:CORE|LEDGER|P2P|XDS|IMAGING|CLIENT|NODE|GATEWAY|REQUESTER|WALLET)_[A-Z0-9_]*[A-Z0-9]\b/g;

describe('docs/errors.md', () => {
  it('lists every code that the source can throw, and none besides', () => {
    const sources = packages().flatMap(entry => filesBelow(join(entry.path, 'src'), '.ts'));
    const inCode = new Set(sources.flatMap(file => quoted(readFileSync(file, 'utf8'))));
    const listed = new Set([...read('docs/errors.md').matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(match => match[1] ?? ''));
    expect([...inCode].filter(code => !listed.has(code)).sort()).toEqual([]);
    expect([...listed].filter(code => !inCode.has(code)).sort()).toEqual([]);
  });

  function quoted(text: string): string[] {
    return [...text.matchAll(/'([A-Z0-9_]+)'/g)]
      .map(match => match[1] ?? '')
      .filter(code => code.replace(codePattern, '') === '');
  }
});

describe('docs/paper-map.md', () => {
  const rows = [...read('docs/paper-map.md').matchAll(/^\| (R\d+) \|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)];

  it('has every row of the paper once', () => {
    expect(rows.map(row => row[1])).toEqual(Array.from({ length: 90 }, (_, i) => `R${i + 1}`));
  });

  it('names files that exist, and tests that are in the files which it names', () => {
    expect(rows.flatMap(row => wrongNames(row))).toEqual([]);
  });

  it('says for each row either a file and a test, or "not yet"', () => {
    const unclear = rows.filter(([, , , file, test]) => {
      const named = ticked(file ?? '').length > 0 && (test ?? '').includes('›');
      return !named && !`${file}${test}`.includes('not yet');
    });
    expect(unclear.map(row => row[1])).toEqual([]);
  });
});

describe('SECURITY.md', () => {
  const rows = [...read('SECURITY.md').matchAll(/^\| (T\d+) \|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)];

  it('has an answer and a test for every threat, and names them as they are', () => {
    expect(rows.map(row => row[1])).toEqual(Array.from({ length: 46 }, (_, i) => `T${i + 1}`));
    expect(rows.flatMap(row => wrongNames(row))).toEqual([]);
    const bare = rows.filter(([, , , answer, test]) => ticked(answer ?? '').length === 0 || !test?.includes('›'));
    expect(bare.map(row => row[1])).toEqual([]);
  });
});

/** Files and tests that a row names and that are not there. */
function wrongNames([, id, , files = '', tests = '']: readonly (string | undefined)[]): string[] {
  const wrong = ticked(files).flatMap(name => (existsSync(join(root, name)) ? [] : [`${id}: no file ${name}`]));
  for (const [, path = '', title = ''] of tests.matchAll(/`([^`›]+?) › ([^`]+)`/g)) {
    if (!existsSync(join(root, path))) wrong.push(`${id}: no file ${path}`);
    else if (!read(path).replaceAll("\\'", "'").includes(title)) wrong.push(`${id}: no test "${title}" in ${path}`);
  }
  return wrong;
}

function ticked(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1] ?? '');
}

describe('documents', () => {
  const documents = [
    ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'].map(name => join(root, name)),
    ...filesBelow(join(root, 'docs'), '.md'),
    ...packages().map(entry => join(entry.path, 'README.md')),
  ];

  it.each(documents.map(path => [nameOf(path), path]))('%s links only to what is there', (_name, path) => {
    const targets = [...readFileSync(path, 'utf8').matchAll(/\]\(([^)\s#]+)(#[^)\s]*)?\)/g)].map(
      match => match[1] ?? '',
    );
    const broken = targets.filter(target => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(path), target)));
    expect(broken).toEqual([]);
  });

  it("name only npm scripts of the repository's package.json", () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = documents.flatMap(path =>
      [...readFileSync(path, 'utf8').matchAll(/npm run (?:--\S+ )*([a-z][a-z-]*)/g)].map(match => match[1] ?? ''),
    );
    expect([...new Set(named)].filter(name => !scripts[name])).toEqual([]);
  });
});
