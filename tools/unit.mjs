/** A package's tests: jest on the compiled output, one project of the root configuration. Extra arguments go to jest. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bin, root, runNode } from './run.mjs';

/**
 * Packages with more files than one core should run: work, or waiting for slots. The others run beside one another. The
 * longer tests measure times of whole networks and have the machine to themselves.
 */
const twoAtATime = process.env.RADPASS_SLOW ? [] : ['ledger', 'node', 'figure-3'];

if (existsSync('test')) {
  process.exitCode = await runNode(
    bin('jest', 'bin/jest.js'),
    [
      '--config',
      join(root, 'jest.config.mjs'),
      '--passWithNoTests',
      `--maxWorkers=${twoAtATime.includes(basename(process.cwd())) ? 2 : 1}`,
      ...process.argv.slice(2),
      '--selectProjects',
      basename(process.cwd()),
    ],
    {
      nodeArgs: ['--experimental-vm-modules', '--no-warnings'],
      env: { RADPASS_RESULTS: join(process.cwd(), '.test-results') },
    },
  );
}
