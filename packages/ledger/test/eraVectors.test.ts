import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { eraCases, runEraCase } from './eraSteps.js';

const file = join(dirname(fileURLToPath(import.meta.url)), '../test/vectors/eras.json');
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const vectors = JSON.parse(readFileSync(file, 'utf8')) as { cases: { name: string }[] };

describe('test/vectors/eras.json', () => {
  it.each(vectors.cases)('$name', written => {
    const known = eraCases.find(({ name }) => name === written.name)!;
    expect(plain({ ...known, recorded: runEraCase(known) })).toEqual(written);
  });

  it('holds every case', () => {
    expect(vectors.cases.map(({ name }) => name)).toEqual(eraCases.map(({ name }) => name));
  });
});
