import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { mintKnownDevice, readKnownDevice } from './known-device.js';

const pepper = randomBytes(32);
const nowMs = 1_800_000_000_000;
const dayMs = 24 * 60 * 60 * 1_000;
const token = mintKnownDevice(pepper, 'ada@example.com', nowMs);

test('a device is known to the account it was made for, and stays the same one', () => {
  const id = readKnownDevice(pepper, 'ada@example.com', token, nowMs);

  expect(id).toHaveLength(22);
  expect(readKnownDevice(pepper, 'ada@example.com', token, nowMs + 399 * dayMs)).toBe(id);
});

test.each([
  ['another account', 'eve@example.com', token, pepper, 0],
  ['another secret', 'ada@example.com', token, randomBytes(32), 0],
  ['another id', 'ada@example.com', token.replace(/_dev_..../, '_dev_AAAA'), pepper, 0],
  ['another date', 'ada@example.com', token.replace('.18', '.19'), pepper, 0],
  ['too old a date', 'ada@example.com', token, pepper, 401 * dayMs],
  ['no token', 'ada@example.com', '', pepper, 0],
])('%s is not known', (_what, email, shown, secret, laterMs) => {
  expect(readKnownDevice(secret, email, shown, nowMs + laterMs)).toBeUndefined();
});
