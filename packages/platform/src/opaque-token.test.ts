import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken } from './opaque-token.js';

const prefix = 'cap_x_';

describe('an opaque token', () => {
  test('has its prefix, 256 bits in base62 and a checksum, and is never made twice', () => {
    const made = new Set(Array.from({ length: 1_000 }, () => mintOpaqueToken(prefix)));

    expect(made.size).toBe(1_000);
    for (const token of made) {
      expect(token).toMatch(/^cap_x_[0-9A-Za-z]{49}$/);
      expect(isOpaqueToken(prefix, token)).toBe(true);
    }
  });

  test('with one character changed, or of another prefix, is none of ours', () => {
    const token = mintOpaqueToken(prefix);

    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === 'x' ? 'y' : 'x';
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      expect(isOpaqueToken(prefix, changed)).toBe(false);
    }
    expect(isOpaqueToken('cap_y_', token.replace('cap_x_', 'cap_y_'))).toBe(false);
    for (const text of ['', prefix, `${token}x`, ` ${token}`]) {
      expect(isOpaqueToken(prefix, text)).toBe(false);
    }
  });

  test('T-18 is stored as a keyed hash, by which it is looked up and never compared', () => {
    const [pepper, token] = [randomBytes(32), mintOpaqueToken(prefix)];

    expect(hashOpaqueToken(pepper, token)).toEqual(hashOpaqueToken(pepper, token));
    expect(hashOpaqueToken(pepper, token)).not.toEqual(hashOpaqueToken(randomBytes(32), token));
  });
});
