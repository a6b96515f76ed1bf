import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { open, seal } from './seal.js';

const key = randomBytes(32);
const secret = Buffer.from('what nobody else may read');
const context = Buffer.from('row 1');

describe('seal', () => {
  test('opens with the same key and context', () => {
    expect(open(key, seal(key, secret, context), context)).toEqual(secret);
  });

  test('never gives the same bytes twice', () => {
    expect(seal(key, secret, context)).not.toEqual(seal(key, secret, context));
  });

  test('does not open with another key, in another row, or after a change of any byte', () => {
    const sealed = seal(key, secret, context);

    expect(() => open(randomBytes(32), sealed, context)).toThrow();
    expect(() => open(key, sealed, Buffer.from('row 2'))).toThrow();
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed[index]! ^= 1;
      expect(() => open(key, changed, context)).toThrow();
    }
  });
});
