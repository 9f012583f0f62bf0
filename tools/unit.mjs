/** A package's tests: jest on the compiled output, one project of the root configuration. Extra arguments go to jest. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bin, root, runNode } from './run.mjs';

if (existsSync('test')) {
  process.exitCode = await runNode(
    bin('jest', 'bin/jest.js'),
    [
      '--config',
      join(root, 'jest.config.mjs'),
      '--passWithNoTests',
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
