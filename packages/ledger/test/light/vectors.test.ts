import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { replayLight } from './replay.js';
import { lightVectors } from './vectorData.js';

const path = join(dirname(fileURLToPath(import.meta.url)), '../../test/vectors/light.json');
const made = lightVectors();
const outcomes = replayLight(made);
const whole = { genesis: made.genesis, steps: made.steps.map((step, i) => ({ ...step, ...outcomes[i] })) };
// RADPASS_WRITE=vectors writes the file anew: for a change of the protocol, which is a decision.
if (process.env.RADPASS_WRITE === 'vectors') writeFileSync(path, `${JSON.stringify(whole, null, 2)}\n`);

describe('test/vectors/light.json', () => {
  const stored: typeof whole = JSON.parse(readFileSync(path, 'utf8'));

  it('is what the code makes', () => {
    expect(whole).toEqual(stored);
  });

  it('is replayed by the light entry from its JSON alone', () => {
    expect(replayLight(stored)).toEqual(stored.steps.map(({ refused, root, final }) => ({ refused, root, final })));
  });

  it('has steps that are taken and, for each fault that bytes can show, one that is refused', () => {
    const refused = new Set(stored.steps.map(step => step.refused));
    const faults = ['root', 'not final', 'future', 'bitmap', 'count', 'quorum', 'signature', 'voters', 'conflict'];
    const codes = ['LEDGER_BLOCK_CHAIN', 'LEDGER_BLOCK_VERSION', 'LEDGER_TRUST_OLD'];
    expect([...refused].sort()).toEqual(['none', ...faults, ...codes].sort());
  });
});
