/**
 * Write consensus.json, eras.json and evidence.json of test/vectors anew, and the bytes that docs/protocol-consensus.md
 * shows, where a rule changed on
 * purpose: `node dist-test/updateVectors.js` after a build. Bytes of another length are left for a human to lay out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eraCases, runEraCase } from './eraSteps.js';
import { evidenceVectors } from './evidenceVectors.js';
import { worked } from './worked.js';

const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const values: Record<string, unknown> = { ...worked() };
const write = (name: string, value: unknown): void =>
  writeFileSync(join(packageDir, `test/vectors/${name}.json`), `${JSON.stringify(value, null, 2)}\n`);
write('consensus', values);
write('eras', { cases: eraCases.map(era => ({ ...era, recorded: runEraCase(era) })) });
write('evidence', evidenceVectors());

/** The digits of `hex` in the layout of `block`, whose comments stay. */
function inLayout(block: string, hex: string): string {
  let at = 0;
  const text = block.replace(/#.*$|[0-9a-f]/gm, found => (found.startsWith('#') ? found : hex.charAt(at++)));
  if (at !== hex.length) throw new RangeError(`${hex.length} digits don't fit a layout of ${at}`);
  return text;
}

const pageFile = join(packageDir, '../../docs/protocol-consensus.md');
const page = readFileSync(pageFile, 'utf8');
const updated = page.replace(/(```hex (\w+)\n)([^`]*)(```)/g, (_, head: string, name: string, block: string, end) => {
  return `${head}${inLayout(block, String(values[name]))}${end}`;
});
writeFileSync(pageFile, updated);
