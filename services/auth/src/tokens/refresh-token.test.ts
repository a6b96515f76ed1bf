import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  hashRefreshToken,
  isRefreshToken,
  mintRefreshToken,
  openSuccessor,
  sealSuccessor,
} from './refresh-token.js';

const pepper = randomBytes(32);

describe('a refresh token', () => {
  test('has the prefix, 256 bits in base62 and a checksum', () => {
    expect(mintRefreshToken()).toMatch(/^cap_rt_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/);
    expect(isRefreshToken(mintRefreshToken())).toBe(true);
  });

  test('is never made twice', () => {
    const made = new Set(Array.from({ length: 1_000 }, mintRefreshToken));

    expect(made.size).toBe(1_000);
  });

  test('with one character changed is not one of ours', () => {
    const token = mintRefreshToken();

    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === 'x' ? 'y' : 'x';
      expect(isRefreshToken(token.slice(0, index) + other + token.slice(index + 1))).toBe(false);
    }
  });

  test.each(['', 'cap_rt_', 'cap_live_abc', `${mintRefreshToken()}x`, ` ${mintRefreshToken()}`])(
    'is not %j',
    (text) => {
      expect(isRefreshToken(text)).toBe(false);
    },
  );

  test('is stored as a hash that another pepper does not give', () => {
    const token = mintRefreshToken();

    expect(hashRefreshToken(pepper, token)).toEqual(hashRefreshToken(pepper, token));
    expect(hashRefreshToken(pepper, token)).not.toEqual(hashRefreshToken(randomBytes(32), token));
  });
});

describe('a sealed successor', () => {
  const parent = presented(mintRefreshToken());
  const successor = mintRefreshToken();

  test('opens for who presents its parent', () => {
    expect(openSuccessor(parent, sealSuccessor(parent, successor))).toBe(successor);
  });

  test('does not open for who has only read the parent hash', () => {
    const sealed = sealSuccessor(parent, successor);

    expect(() =>
      openSuccessor({ ...presented(mintRefreshToken()), hash: parent.hash }, sealed),
    ).toThrow();
  });
});

function presented(token: string) {
  return { token, hash: hashRefreshToken(pepper, token) };
}
