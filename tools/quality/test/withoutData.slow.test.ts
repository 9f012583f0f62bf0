/**
 * A clone has no test data beside it. What needs some is skipped by name then, and no test file may fail to load: each that
 * asks for data or programs is loaded here, with no test of it run.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesBelow, importsOf, root } from '../dist/workspace.js';

const asking = ['packages', 'apps', 'examples', 'tools/quality']
  .flatMap(group => filesBelow(join(root, group), '.js'))
  .filter(file => file.includes('dist-test') && importsOf(file).some(specifier => specifier.endsWith('/needs.mjs')));

describe('without test data', () => {
  it('every test file that asks for some loads', () => {
    // A module that several tests share would hide from this list which of them ask.
    expect(asking.filter(file => !file.endsWith('.test.js'))).toEqual([]);
    const quick = asking.filter(file => !file.endsWith('.slow.test.js'));
    expect(quick.length).toBeGreaterThan(20);
    const { stderr } = spawnSync(
      process.execPath,
      [
        '--experimental-vm-modules',
        '--no-warnings',
        join(root, 'node_modules/jest/bin/jest.js'),
        ...[
          '--config',
          join(root, 'jest.config.mjs'),
          '--reporters',
          'default',
          '-t',
          'no test has this name',
          '--runTestsByPath',
        ],
        ...quick,
      ],
      {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, RADPASS_DATA: join(root, 'nowhere'), RADPASS_SLOW: '', RADPASS_REQUIRE: '' },
      },
    );
    expect(stderr.match(/Test suite failed to run[\s\S]{0,300}/g) ?? []).toEqual([]);
    expect(stderr).toMatch(new RegExp(`^Test Suites: +${quick.length} skipped, 0 of ${quick.length} total$`, 'm'));
    expect(stderr).toMatch(/^Tests: +\d+ skipped, \d+ total$/m);
  }, 600_000);
});
