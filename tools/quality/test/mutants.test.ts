import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { mutants } from '../../mutants/list.mjs';
import { root } from '../dist/workspace.js';

/** `npm run mutants` takes long; that its list fits the source is seen here. */
describe('the faults of tools/mutants', () => {
  it('can each be planted, in one place, and name a test file that is there', () => {
    const wrong = mutants.filter(({ file, find, replace, test }) => {
      const places = readFileSync(join(root, file), 'utf8').split(find).length - 1;
      return places !== 1 || find === replace || !existsSync(join(root, test));
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});
