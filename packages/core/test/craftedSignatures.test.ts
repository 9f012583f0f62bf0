import { expect, it } from '@jest/globals';
import { judgeCrafted } from './craftedSignatures.js';

it('crafted signatures have one verdict, one by one and together', () => {
  const found = judgeCrafted({ seed: 1, cases: 300, together: 60 });
  expect(found).toMatchObject({ cases: 300, wrong: null });
  expect(found.accepted).toBeGreaterThan(found.acceptedByOpenSsl);
  expect(found.accepted).toBeLessThan(300);
});
