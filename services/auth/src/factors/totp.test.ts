import { describe, expect, test } from 'vitest';
import { toBase32 } from './base32.js';
import { matchingStep, otpauthUri, stepAt, totpCode } from './totp.js';

const seed = Buffer.from('12345678901234567890');

describe('totpCode', () => {
  // RFC 6238 appendix B, the last six of its eight digits.
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('gives at second %d what the RFC gives', (seconds, code) => {
    expect(totpCode(seed, stepAt(seconds * 1_000))).toBe(code);
  });
});

describe('M-01 matchingStep', () => {
  const nowMs = 1_700_000_000_000;
  const now = stepAt(nowMs);
  const check = (step: number, lastStep = 0) =>
    matchingStep(seed, totpCode(seed, step), { nowMs, lastStep });

  test('takes the code of this step and of the one before', () => {
    expect(check(now)).toBe(now);
    expect(check(now - 1)).toBe(now - 1);
  });

  test.each([-3, -2, 1, 2])('refuses the code of the step %d away', (distance) => {
    expect(check(now + distance)).toBeUndefined();
  });

  test('M-02 refuses a step that was taken, and every older one', () => {
    expect(check(now, now)).toBeUndefined();
    expect(check(now - 1, now)).toBeUndefined();
    expect(check(now - 1, now - 1)).toBeUndefined();
    expect(check(now, now - 1)).toBe(now);
  });

  test.each(['', '12345', '1234567', 'abcdef', '１２３４５６'])('refuses %s', (code) => {
    expect(matchingStep(seed, code, { nowMs, lastStep: 0 })).toBeUndefined();
  });
});

test.each([
  ['', ''],
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foo', 'MZXW6'],
  ['foob', 'MZXW6YQ'],
  ['fooba', 'MZXW6YTB'],
  ['foobar', 'MZXW6YTBOI'],
])('base32 of %j is what RFC 4648 says', (text, encoded) => {
  expect(toBase32(Buffer.from(text))).toBe(encoded);
});

test('the URI for the app names product, account and every parameter', () => {
  expect(otpauthUri('Capstone', 'ada+x@example.com', seed)).toBe(
    'otpauth://totp/Capstone:ada%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' +
      '&issuer=Capstone&algorithm=SHA1&digits=6&period=30',
  );
});
