import { describe, expect, test } from 'vitest';
import { isApiKey, mintApiKey } from './api-key.js';
import { mintOpaqueToken } from './opaque-token.js';

describe('an API key', () => {
  test('T-17 has a prefix for scanners, a public id, 256 bits and a checksum', () => {
    const { key, prefix } = mintApiKey();

    expect(key).toMatch(/^cap_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
    expect(key.startsWith(`${prefix}_`)).toBe(true);
    expect(isApiKey(key)).toBe(true);
  });

  test('T-17 with one character changed, or of another kind, is known for none without a look', () => {
    const { key } = mintApiKey();

    for (let index = 0; index < key.length; index += 1) {
      const other = key[index] === 'x' ? 'y' : 'x';
      expect(isApiKey(key.slice(0, index) + other + key.slice(index + 1))).toBe(false);
    }
    for (const text of ['', 'cap_', mintOpaqueToken('cap_rt_'), `${key} `, 'a.b.c']) {
      expect(isApiKey(text)).toBe(false);
    }
  });
});
