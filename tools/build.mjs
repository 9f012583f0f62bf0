/** A package's build: src to dist, test to dist-test; removes outputs whose source is gone. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bin, runNode } from './run.mjs';

const projects = ['.', ...(existsSync('test/tsconfig.json') && existsSync('test') ? ['test'] : [])];

function prune(out, source) {
  if (!existsSync(out)) return;
  for (const entry of readdirSync(out, { withFileTypes: true, recursive: true })) {
    const at = join(entry.parentPath ?? entry.path, entry.name);
    const from = join(source, at.slice(out.length + 1)).replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (entry.isFile() && /\.(d\.ts|js)(\.map)?$/.test(entry.name) && !existsSync(from)) rmSync(at);
  }
}

prune('dist', 'src');
prune('dist-test', 'test');
process.exitCode = await runNode(bin('typescript', 'bin/tsc'), ['-b', ...projects], { cwd: process.cwd() });
