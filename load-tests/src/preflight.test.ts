import { expect, test } from 'vitest';
import { policyRates } from './preflight.js';

test.each([
  ['"caller";q=1200;w=60', [20]],
  ['"caller";q=100;w=10, "source";q=600;w=60', [10, 10]],
  [null, []],
  ['nonsense', []],
])('%s allows %j requests a second', (header, rates) => {
  expect(policyRates(header)).toEqual(rates);
});
