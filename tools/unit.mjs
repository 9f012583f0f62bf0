/**
 * A package's tests: jest on the compiled output, one project of the root configuration; all of them, or those files that
 * RADPASS_FILES (package:pattern, …) names. Extra arguments go to jest.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isLongerRun, twoFilesAtATime } from './order.mjs';
import { bin, root, runNode } from './run.mjs';

const name = basename(process.cwd());
const patterns = (process.env.RADPASS_FILES ?? '')
  .split(',')
  .filter(file => file.startsWith(`${name}:`))
  .map(file => file.slice(name.length + 1));

if (existsSync('test')) {
  process.exitCode = await runNode(
    bin('jest', 'bin/jest.js'),
    [
      '--config',
      join(root, 'jest.config.mjs'),
      ...(patterns.length > 0 ? patterns : ['--passWithNoTests']),
      `--maxWorkers=${twoFilesAtATime.includes(name) && !isLongerRun ? 2 : 1}`,
      ...process.argv.slice(2),
      '--selectProjects',
      name,
    ],
    {
      nodeArgs: ['--experimental-vm-modules', '--no-warnings'],
      env: { RADPASS_RESULTS: join(process.cwd(), '.test-results') },
    },
  );
}
