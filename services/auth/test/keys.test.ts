import { randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp } from './auth-app.js';
import type { AuthClient } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

describe('GetJwks', () => {
  test('gives the public half of the key that signs, with alg, use and its thumbprint', async () => {
    const { keys } = await jwksOf(t.as.api);

    expect(keys).toHaveLength(1);
    expect(Object.keys(keys[0]!).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    expect(keys[0]).toMatchObject({ alg: 'ES256', use: 'sig', kty: 'EC', crv: 'P-256' });
    expect(keys[0]!.kid).toBe(await calculateJwkThumbprint(keys[0]!));
  });

  test('T-01 gives what the tokens verify with', async () => {
    const { accessToken } = await t.signIn();
    const { protectedHeader } = await jwtVerify(
      accessToken,
      createLocalJWKSet(await jwksOf(t.as.api)),
      { algorithms: ['ES256'], typ: 'at+jwt', audience: 'capstone-api' },
    );

    expect(Object.keys(protectedHeader).toSorted()).toEqual(['alg', 'kid', 'typ']);
  });
});

describe('signing keys', () => {
  test('are one for processes that start at once', async () => {
    const fresh = await AuthApp.start();
    await fresh.query('delete from auth.signing_keys');
    const clients = await Promise.all([fresh.startAnother(), fresh.startAnother()]);
    const [one, other] = await Promise.all(clients.map(jwksOf));

    expect(one).toEqual(other);
    expect(await fresh.query('select state from auth.signing_keys')).toEqual([{ state: 'active' }]);
    await fresh.stop();
  });

  test('stay the same over a restart', async () => {
    expect(await jwksOf(await t.startAnother())).toEqual(await jwksOf(t.as.api));
  });

  test('do not open without the key they were wrapped with, and the start says so', async () => {
    const AUTH_KEY_ENCRYPTION_KEY = randomBytes(32).toString('base64');

    await expect(t.startAnother({ AUTH_KEY_ENCRYPTION_KEY })).rejects.toThrow(
      /does not open: AUTH_KEY_ENCRYPTION_KEY is not the key/,
    );
  });

  test('are no use under another row', async () => {
    const fresh = await AuthApp.start();
    await fresh.query(`update auth.signing_keys set kid = 'another'`);

    await expect(fresh.startAnother()).rejects.toThrow(/does not open/);
    await fresh.stop();
  });
});

async function jwksOf({ keys }: AuthClient): Promise<JSONWebKeySet> {
  return JSON.parse((await keys.getJwks({})).jwksJson) as JSONWebKeySet;
}
