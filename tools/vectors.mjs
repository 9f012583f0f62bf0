/** `npm run vectors`: writes test/vectors of core and ledger, and the bytes that the protocol pages show, anew. */
import { join } from 'node:path';
import { root, runNode } from './run.mjs';

const failed = [];
for (const name of ['core', 'ledger']) {
  const cwd = join(root, 'packages', name);
  const code =
    (await runNode(join(root, 'tools/build.mjs'), [], { cwd })) ||
    (await runNode(join(root, 'tools/unit.mjs'), ['vectors'], { cwd, env: { RADPASS_WRITE: 'vectors' } }));
  if (code !== 0) failed.push(name);
}
if (failed.length > 0) throw new Error(`not all vectors of ${failed.join(', ')} hold: look at the tests above`);
