/** `node tools/turbo.mjs build|test|check [package ...]`: run a task in every package, or in those that are named. */
import { pathToFileURL } from 'node:url';
import { bin, runNode } from './run.mjs';

export function turbo([task, ...names], { quiet = false, logs = 'new-only', nicer } = {}) {
  const filters = names.map(name => `--filter=@radpass/${name}`);
  const args = ['run', task, ...filters, `--output-logs=${logs}`, '--log-order=grouped', '--no-update-notifier'];
  if (task === 'test') args.push('--continue', '--concurrency=2');
  return runNode(bin('turbo', 'bin/turbo'), args, {
    nicer,
    stdio: quiet ? ['ignore', 2, 2] : ['ignore', 'inherit', 'inherit'],
    env: { FORCE_COLOR: '0', RADPASS_NODE: process.versions.node.split('.')[0] },
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = await turbo(process.argv.slice(2));
