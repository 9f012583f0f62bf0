import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const here = dirname(fileURLToPath(import.meta.url));

describe('README.md', () => {
  it('has an example that runs by itself', () => {
    const [, example] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(here, '..', 'README.md'), 'utf8'))!;
    // Inside the package, so that its own name resolves to what is built.
    const file = join(here, 'readme-example.mjs');
    writeFileSync(file, example!);
    const printed = execFileSync(process.execPath, [file], { encoding: 'utf8' });
    expect(printed.split('\n')).toEqual([
      expect.stringMatching(/^\{K_H=\w{8}, \{K_P=\w{8}, K_H=\w{8}, Hash\(UID_X\)=\w{8}\}K_P⁻¹\}K_H⁻¹$/),
      expect.stringMatching(/^\{K_P=\w{8}, K_D=\w{8}, K_H=\w{8}, Hash\(UID_X\)=\w{8}\}K_P⁻¹$/),
      '',
    ]);
  });
});
