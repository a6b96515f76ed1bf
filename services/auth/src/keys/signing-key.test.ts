import { randomBytes } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, test } from 'vitest';
import { generateSigningKey, unwrapPrivateJwk } from './signing-key.js';

const encryptionKey = randomBytes(32);

describe('a signing key', () => {
  test('publishes public members only, with alg, use and its thumbprint', async () => {
    const { kid, publicJwk } = await generateSigningKey(encryptionKey);

    expect(Object.keys(publicJwk).toSorted()).toEqual([
      'alg',
      'crv',
      'kid',
      'kty',
      'use',
      'x',
      'y',
    ]);
    expect(publicJwk).toMatchObject({ alg: 'ES256', use: 'sig', crv: 'P-256', kid });
    expect(await calculateJwkThumbprint(publicJwk)).toBe(kid);
  });

  test('gives its private half back to the key that wrapped it', async () => {
    const stored = await generateSigningKey(encryptionKey);

    expect(unwrapPrivateJwk(encryptionKey, stored)).toMatchObject({ x: stored.publicJwk.x });
    expect(stored.wrappedPrivateJwk.toString('latin1')).not.toContain('"d"');
  });

  test('does not open with another key, or under another kid', async () => {
    const stored = await generateSigningKey(encryptionKey);

    expect(() => unwrapPrivateJwk(randomBytes(32), stored)).toThrow();
    expect(() => unwrapPrivateJwk(encryptionKey, { ...stored, kid: 'another' })).toThrow();
  });
});
