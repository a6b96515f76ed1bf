import { decodeProtectedHeader } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { waitFor } from '@capstone/testing/wait-for';
import { AuthApp, bearing } from './auth-app.js';

let t: AuthApp;
beforeEach(async () => {
  t = await AuthApp.start({ AUTH_KEY_PENDING_SECONDS: '4' });
});
afterEach(() => t.stop());

describe('keys rotate', () => {
  test('T-09 publishes the next key before it signs, and the former one as long as its tokens live', async () => {
    const before = await t.signIn();
    const [former] = await publishedKeys();

    const { exitCode, lines } = await t.command('keys', 'rotate');
    const next = lines[0]!.split(' ')[0]!;

    expect(exitCode).toBe(0);
    expect(await publishedKeys()).toEqual([former, next]);
    expect(keyOf(await t.refresh(before.refreshToken))).toBe(former);
    await becomesActive(next);
    expect(keyOf(await t.signIn())).toBe(next);
    expect(await t.me(before.accessToken)).toMatchObject({ userId: before.claims.sub });
    expect(await publishedKeys()).toEqual([former, next]);

    await t.query(
      `update auth.signing_keys set retired_at = now() - interval '21 min' where kid = $1`,
      [former],
    );
    expect(await publishedKeys()).toEqual([next]);
  });

  test('T-09 twice under load fails no request, at two processes', async () => {
    const another = await t.startAnother({ AUTH_KEY_PENDING_SECONDS: '4' });
    const { accessToken, refreshToken } = await t.signIn();
    const seen = new Set<string>();
    const failures: unknown[] = [];
    const calm = new AbortController();
    const load = (async () => {
      let tokens = { accessToken, refreshToken };
      for (let turn = 0; !calm.signal.aborted; turn += 1) {
        const [signer, verifier] = turn % 2 === 0 ? [t.as.api, another] : [another, t.as.api];
        try {
          const rotated = await signer.sessions.refresh({
            refreshToken: tokens.refreshToken,
            source: undefined,
          });
          await verifier.sessions.getMe({}, bearing(tokens.accessToken));
          await verifier.sessions.getMe({}, bearing(rotated.tokens!.accessToken));
          tokens = rotated.tokens!;
          seen.add(keyOf(tokens));
        } catch (error) {
          failures.push(error);
        }
      }
    })();

    for (let rotation = 1; rotation <= 2; rotation += 1) {
      await t.command('keys', 'rotate');
      await waitFor(() => seen.size === rotation + 1, {
        timeoutMs: 20_000,
        what: `key number ${rotation + 1} to sign`,
      });
    }
    calm.abort();
    await load;

    expect(failures).toEqual([]);
  });

  test('names the key that waits already, however often it is asked', async () => {
    const first = await t.command('keys', 'rotate');
    const again = await Promise.all([t.command('keys', 'rotate'), t.command('keys', 'rotate')]);

    for (const { lines } of again) expect(lines).toEqual(first.lines);
    expect(await publishedKeys()).toHaveLength(2);
  });
});

test('T-09 a key that has signed for a month gets a successor by itself', async () => {
  await t.query(`update auth.signing_keys set activated_at = now() - interval '30 days'`);

  await waitFor(async () => (await publishedKeys()).length === 2, { what: 'the successor' });
});

describe('keys taint', () => {
  test('T-11 of the active key ends its tokens at every process, and another one signs', async () => {
    const another = await t.startAnother();
    const { accessToken, refreshToken } = await t.signIn();
    const tainted = keyOf({ accessToken });

    expect(await t.command('keys', 'taint', tainted)).toEqual({
      exitCode: 0,
      lines: [`${tainted}  tainted`],
    });

    expect(await publishedKeys()).not.toContain(tainted);
    for (const auth of [t.as.api, another]) {
      await waitFor(
        () =>
          auth.sessions.getMe({}, bearing(accessToken)).then(
            () => false,
            (problem: { code: string }) => problem.code === 'token-invalid',
          ),
        { timeoutMs: 10_000, what: 'the token to count no more' },
      );
    }
    const { revocations } = await t.as.api.revocations.listRevocations({});
    expect(revocations).toContainEqual(expect.objectContaining({ kind: 'key', id: tainted }));

    const renewed = await t.refresh(refreshToken);
    expect(await publishedKeys()).toEqual([keyOf(renewed)]);
    expect(await t.me(renewed.accessToken)).toMatchObject({ userId: renewed.claims.sub });
  });

  test('lets the pending key sign at once where there is one', async () => {
    const { lines } = await t.command('keys', 'rotate');
    const pending = lines[0]!.split(' ')[0]!;
    const [active] = await publishedKeys();

    await t.command('keys', 'taint', active!);

    expect(await publishedKeys()).toEqual([pending]);
    await becomesActive(pending);
  });

  test('knows no key of that name, and says so', async () => {
    expect(await t.command('keys', 'taint', 'nobody')).toEqual({
      exitCode: 1,
      lines: ['There is no signing key nobody.'],
    });
  });
});

test('keys list names every key and since when it is what it is', async () => {
  const [active] = await publishedKeys();
  await t.command('keys', 'taint', active!);

  const { lines } = await t.command('keys', 'list');

  expect(lines).toHaveLength(2);
  expect(lines.join('\n')).toMatch(new RegExp(`^${active} {2}tainted {2}since 20\\d\\d-`, 'm'));
  expect(lines.join('\n')).toMatch(/ {2}active {3}since /);
});

test.each([[[]], [['keys']], [['keys', 'burn']]])(
  '%j is answered with the usage',
  async (words) => {
    const { exitCode, lines } = await t.command(...words);

    expect(exitCode).toBe(2);
    expect(lines.join('\n')).toContain('keys rotate');
  },
);

async function publishedKeys(): Promise<string[]> {
  const { keys } = JSON.parse((await t.as.api.keys.getJwks({})).jwksJson) as JSONWebKeySet;
  return keys.map(({ kid }) => kid!);
}

function keyOf({ accessToken }: { accessToken: string }): string {
  return decodeProtectedHeader(accessToken).kid!;
}

async function becomesActive(kid: string) {
  await waitFor(async () => keyOf(await t.signIn()) === kid, {
    timeoutMs: 20_000,
    what: 'the next key to sign',
  });
}
