/**
 * Recompute the audit of a chain.
 *
 *   node dist/main.js --genesis FILE --api URL        final blocks from a node's GET /v1/blocks/N
 *   node dist/main.js --genesis FILE --blocks FILE    one block a line, hex, from height 1 on
 *
 * Prints one JSON object an epoch and line: {epoch, root, rows}, bytes as hex.
 */
import { readFileSync } from 'node:fs';
import { ChainAudit } from './audit.js';
import { fromHex, hex } from './bytes.js';

const flag = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};

async function* blocksOf(api: string): AsyncGenerator<Uint8Array> {
  for (let height = 1; ; height++) {
    const answer = await fetch(`${api}/v1/blocks/${height}`);
    if (answer.status === 404) return;
    const { block, grade } = (await answer.json()) as { block: string; grade: string };
    if (grade !== 'final') return;
    yield fromHex(block);
  }
}

const [genesis, api, file] = [flag('genesis'), flag('api'), flag('blocks')];
if (!genesis || !api === !file) {
  process.stderr.write('usage: --genesis FILE and either --api URL or --blocks FILE\n');
  process.exit(2);
}
const audit = new ChainAudit(new Uint8Array(readFileSync(genesis)));
const stored = file
  ? readFileSync(file, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(fromHex)
  : [];
for await (const block of api ? blocksOf(api) : stored) audit.add(block);
for (const { epoch, root, rows } of audit.audits) {
  process.stdout.write(`${JSON.stringify({ epoch, root: hex(root), rows: rows.map(hex) })}\n`);
}
