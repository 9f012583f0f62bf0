/** A package's lint and format; its types are checked by its build. */
import { bin, runNode } from './run.mjs';

process.exitCode = await runNode(
  bin('@biomejs/biome', 'bin/biome'),
  ['check', '--error-on-warnings', process.argv[2] ?? '.'],
  {
    cwd: process.cwd(),
  },
);
