import { expect, test } from 'vitest';
import { upstreamVersion } from './apt.js';

test.each([
  ['5:7.0.15-1~deb12u10', '7.0.15'],
  ['0.8.6-1', '0.8.6'],
  ['15.20-0+deb12u1', '15.20'],
  ['18.1-1.pgdg24.04+2', '18.1'],
])('the upstream version of %s is %s', (candidate, version) => {
  expect(upstreamVersion(candidate)).toBe(version);
});
