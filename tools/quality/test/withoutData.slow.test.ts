/**
 * A clone has no test data beside it. What needs some is skipped by name then, and no test file may fail to load: each is
 * loaded here, with no test of it run.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('without test data', () => {
  it('every test file loads', () => {
    const { stderr } = spawnSync(
      process.execPath,
      [
        '--experimental-vm-modules',
        '--no-warnings',
        join(root, 'node_modules/jest/bin/jest.js'),
        ...['--config', join(root, 'jest.config.mjs'), '--reporters', 'default', '-t', 'no test has this name'],
      ],
      {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, RADPASS_DATA: join(root, 'nowhere'), RADPASS_SLOW: '', RADPASS_REQUIRE: '' },
      },
    );
    expect(stderr.match(/Test suite failed to run[\s\S]{0,300}/g) ?? []).toEqual([]);
    expect(stderr).toMatch(/^Tests: +\d+ skipped, \d+ total$/m);
  }, 600_000);
});
