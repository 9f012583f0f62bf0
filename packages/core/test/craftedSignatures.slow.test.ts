/** The same with 100,000 cases, of which RADPASS_SEED names the first seed. Prints what each 10,000 came to. */
import { expect, it } from '@jest/globals';
import { judgeCrafted } from './craftedSignatures.js';

const first = Number(process.env.RADPASS_SEED ?? 101);

it.each(Array.from({ length: 10 }, (_, i) => first + i))(
  '10,000 crafted signatures from seed %d have one verdict',
  seed => {
    const found = judgeCrafted({ seed, cases: 10_000, together: 100 });
    process.stdout.write(`seed ${seed}: ${JSON.stringify(found)}\n`);
    expect(found).toMatchObject({ cases: 10_000, wrong: null });
  },
  3_600_000,
);
