import { generateKeyPair, SignJWT } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { waitFor } from '@capstone/testing/wait-for';
import { Revocations } from '../src/identity/revocations.js';
import { TestApi } from './api-app.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

const read = (token?: string) =>
  api.request('GET', '/api/v1/tasks', {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });

const seconds = () => Math.floor(Date.now() / 1000);

describe('T-02 an access token', () => {
  test('is needed', async () => {
    const refused = await read();

    expect(refused).toMatchObject({ status: 401, body: { code: 'token-missing' } });
    expect(refused.headers['www-authenticate']).toBe('Bearer');
  });

  const bad: [string, () => Promise<string>][] = [
    ['is expired', () => api.auth.sign({ iat: seconds() - 200, exp: seconds() - 6 })],
    ['is older than a token may be', () => api.auth.sign({ iat: seconds() - 310 })],
    ['comes from the future', () => api.auth.sign({ iat: seconds() + 60 })],
    ['is not valid yet', () => api.auth.sign({ nbf: seconds() + 60 })],
    ['has another issuer', () => api.auth.sign({ iss: 'https://evil.example' })],
    ['has another audience', () => api.auth.sign({ aud: 'capstone-worker' })],
    ['has several audiences', () => api.auth.sign({ aud: ['capstone-api', 'other'] })],
    ['is of another kind', () => api.auth.sign({}, { typ: 'JWT' })],
    ['has an unknown critical header', () => api.auth.sign({}, { crit: ['future'], future: 1 })],
    ['names an unknown key', () => api.auth.sign({}, { kid: 'nobody' })],
    ['names no key', () => api.auth.sign({}, { kid: undefined })],
    ['has no expiry', () => api.auth.sign({ exp: undefined })],
    ['has no client', () => api.auth.sign({ client_id: undefined })],
    ['has no subject', () => api.auth.sign({ sub: undefined })],
    ['has no workspace', () => api.auth.sign({ wid: undefined })],
    ['has a workspace that is no id', () => api.auth.sign({ wid: `' or 1=1` })],
    [
      'is signed with another key',
      async () => api.auth.sign({}, {}, (await generateKeyPair('ES256')).privateKey),
    ],
    [
      'brings its own key',
      async () => {
        const { privateKey } = await generateKeyPair('ES256');
        return api.auth.sign({}, { jwk: { kty: 'EC' }, jku: 'https://evil.example' }, privateKey);
      },
    ],
    [
      'is signed with the public key as a secret',
      () =>
        new SignJWT({ sub: uuidv7() })
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: api.auth.keyId })
          .sign(new TextEncoder().encode('x'.repeat(32))),
    ],
    [
      'is not signed',
      async () => {
        const [, payload] = (await api.auth.sign()).split('.');
        const header = Buffer.from(`{"alg":"none","typ":"at+jwt"}`).toString('base64url');
        return `${header}.${payload}.`;
      },
    ],
    [
      'was changed',
      async () => {
        const [header, , signature] = (await api.auth.sign()).split('.');
        const payload = Buffer.from(JSON.stringify({ sub: uuidv7() })).toString('base64url');
        return `${header}.${payload}.${signature}`;
      },
    ],
    ['is no token', async () => 'abc'],
    ['is empty', async () => ''],
  ];
  test.each(bad)('that %s is refused, and the answer does not say why', async (_, sign) => {
    const refused = await read(await sign());

    const { traceId: __, ...body } = refused.body;
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    expect(body).toEqual({
      type: 'urn:capstone:problem:token-invalid',
      title: 'The access token is not valid',
      status: 401,
      instance: '/api/v1/tasks',
      code: 'token-invalid',
    });
  });

  test('may be a few seconds late, because clocks differ', async () => {
    expect((await read(await api.auth.sign({ exp: seconds() - 2 }))).status).toBe(200);
  });

  test('that was good before is refused once it has expired', async () => {
    const token = await api.auth.sign({ exp: seconds() - 3 });
    expect((await read(token)).status).toBe(200);

    await waitFor(async () => (await read(token)).status === 401, { what: 'the token to expire' });
  });

  test('without the permission is refused with the permission it lacks', async () => {
    const token = await api.auth.sign({ scope: 'documents:read tasks:admin' });

    const refused = await read(token);

    expect(refused).toMatchObject({ status: 403, body: { code: 'permission-denied' } });
    expect(refused.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", scope="tasks:read"',
    );
  });

  test('is asked for before the body is looked at', async () => {
    const refused = await api.request('POST', '/api/v1/tasks', { body: '{"title":' });

    expect(refused).toMatchObject({ status: 401 });
  });
});

describe('keys', () => {
  test('T-10 a storm of unknown key ids asks auth once', async () => {
    const before = api.auth.calls.getJwks ?? 0;

    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => read(await api.auth.sign({}, { kid: uuidv7() }))),
    );

    expect(answers.every(({ status }) => status === 401)).toBe(true);
    expect((api.auth.calls.getJwks ?? 0) - before).toBeLessThanOrEqual(1);
    expect((await read(await api.auth.sign())).status).toBe(200);
  });

  test('are published for everybody', async () => {
    const { status, headers, body } = await api.request('GET', '/.well-known/jwks.json');

    expect(status).toBe(200);
    expect(headers['content-type']).toContain('application/jwk-set+json');
    expect(headers['cache-control']).toBe('public, max-age=300');
    expect(body).toEqual({ keys: [expect.objectContaining({ kid: api.auth.keyId, use: 'sig' })] });
    expect(JSON.stringify(body)).not.toContain('"d"');
  });
});

describe('a revocation', () => {
  test('T-04 of the session ends its tokens, and no others', async () => {
    const ada = await api.signIn();
    const bob = await api.signIn();
    expect((await ada.get('/api/v1/tasks')).status).toBe(200);

    await api.revoke(ada.sessionId);

    const revoked = async () => (await ada.get('/api/v1/tasks')).status === 401;
    await waitFor(revoked, { timeoutMs: 5_000, what: 'the revocation to count' });
    expect((await bob.get('/api/v1/tasks')).status).toBe(200);
  });

  test('T-11 of a key ends every token signed with it', async () => {
    const revocations = api.app.nest.get(Revocations);
    const token = await api.auth.sign();
    expect((await read(token)).status).toBe(200);

    revocations.add('key', api.auth.keyId);
    const refused = await read(token);
    vi.spyOn(revocations, 'has').mockReturnValueOnce(false).mockReturnValueOnce(false);
    const otherwise = await read(token);
    vi.restoreAllMocks();
    // Every other test of this file signs with the key.
    (revocations as unknown as { revoked: Map<string, number> }).revoked.clear();

    expect(refused).toMatchObject({ status: 401, body: { code: 'token-invalid' } });
    expect(otherwise.status).toBe(200);
  });

  test('that cannot be heard of stops writes first, then everything', async () => {
    const revocations = api.app.nest.get(Revocations);
    const ada = await api.signIn();
    const freshness = vi.spyOn(revocations, 'freshness', 'get');
    const write = () => ada.post('/api/v1/tasks', { title: 'x' });

    freshness.mockReturnValue('stale');
    const whileStale = [await write(), await ada.get('/api/v1/tasks')];
    freshness.mockReturnValue('lost');
    const whileLost = [await write(), await ada.get('/api/v1/tasks')];
    const open = await api.request('GET', '/.well-known/jwks.json');
    freshness.mockRestore();

    const stopped = { status: 503, body: { code: 'revocation-feed-stale' } };
    expect(whileStale).toMatchObject([stopped, { status: 200 }]);
    expect(whileLost).toMatchObject([stopped, stopped]);
    expect(whileLost[0]?.headers['retry-after']).toBe('5');
    expect(open.status).toBe(200);
  });
});

describe('T-11 a tainted key', () => {
  test('ends its tokens within 10 s, and the next key is known at once', async () => {
    const tainted = await TestApi.start();
    const statusOf = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await tainted.request('GET', '/api/v1/tasks', { headers })).status;
    };
    const old = await tainted.auth.sign();
    expect(await statusOf(old)).toBe(200);
    const formerKey = tainted.auth.keyId;

    await tainted.auth.replaceKey();
    await tainted.revoke(formerKey, 'key');

    await waitFor(async () => (await statusOf(old)) === 401, {
      timeoutMs: 10_000,
      what: 'the key to count no more',
    });
    await waitFor(async () => (await statusOf(await tainted.auth.sign())) === 200, {
      timeoutMs: 10_000,
      what: 'the next key to be known, in spite of the pause between fetches',
    });
    const { body } = await tainted.request('GET', '/.well-known/jwks.json');
    await tainted.stop();
    expect(body).toEqual({ keys: [expect.objectContaining({ kid: tainted.auth.keyId })] });
  });
});

describe('the service', () => {
  test('T-04 catches up with what was revoked before it started', async () => {
    const { sessionId } = await api.signIn();
    const token = await api.auth.sign({ sid: sessionId });
    api.auth.revocations.push({ kind: 'session', id: sessionId, revokedAtMs: Date.now() });

    const second = await TestApi.start({}, api.auth);

    const refused = await second.request('GET', '/api/v1/tasks', {
      headers: { authorization: `Bearer ${token}` },
    });
    await second.stop();
    expect(refused).toMatchObject({ status: 401, body: { code: 'token-invalid' } });
  });
});
