import { exportJWK, generateKeyPair } from 'jose';
import { describe, expect, test } from 'vitest';
import type { Logger } from '@capstone/platform/log';
import { KeySet } from './key-set.js';

const silent = { warn: () => undefined } as unknown as Logger;

async function jwksOf(...kids: string[]) {
  const { publicKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  return JSON.stringify({ keys: kids.map((kid) => ({ ...jwk, kid, alg: 'ES256', use: 'sig' })) });
}

function keySet(answers: (string | Error)[]) {
  const state = { nowMs: 0, fetches: 0 };
  const keys = new KeySet({
    nowMs: () => state.nowMs,
    logger: silent,
    fetchJwks: async () => {
      const answer = answers[Math.min(state.fetches++, answers.length - 1)]!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { keys, state };
}

describe('KeySet', () => {
  test('fetches for the first unknown key and then not for 30 s', async () => {
    const { keys, state } = keySet([await jwksOf('a'), await jwksOf('a', 'b')]);

    const storm = await Promise.all(Array.from({ length: 1_000 }, (_, at) => keys.get(`no-${at}`)));
    state.nowMs = 29_999;
    const tooSoon = await keys.get('b');
    state.nowMs = 30_000;
    const later = await keys.get('b');

    expect(new Set(storm)).toEqual(new Set([undefined]));
    expect(tooSoon).toBeUndefined();
    expect(later).toBeDefined();
    expect(state.fetches).toBe(2);
  });

  test('lets everybody who comes at once wait for the same fetch', async () => {
    const { keys, state } = keySet([await jwksOf('a')]);

    const found = await Promise.all([keys.get('a'), keys.get('a'), keys.get('a')]);

    expect(found.every((key) => key !== undefined)).toBe(true);
    expect(state.fetches).toBe(1);
  });

  test.each([
    ['cannot be fetched', new Error('unreachable')],
    ['is no JSON', '<html>'],
    [
      'holds a private key',
      '{"keys":[{"kid":"x","kty":"EC","crv":"P-256","alg":"ES256","d":"AA"}]}',
    ],
    ['holds a secret', '{"keys":[{"kid":"x","kty":"oct","alg":"HS256","k":"AA"}]}'],
  ])('keeps what it knows when the set %s', async (_, broken) => {
    const good = await jwksOf('a');
    const { keys } = keySet([good, broken]);
    await keys.refresh();

    expect(await keys.refresh()).toBe(false);

    expect(await keys.get('a')).toBeDefined();
    expect(keys.json).toBe(good);
  });

  test('drops a key that auth no longer publishes', async () => {
    const { keys } = keySet([await jwksOf('a', 'b'), await jwksOf('b')]);
    await keys.refresh();
    await keys.refresh();

    expect(await keys.get('a')).toBeUndefined();
    expect(await keys.get('b')).toBeDefined();
  });
});
