import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { membershipId, revocationStream } from '@capstone/contracts/revocations';
import { mintApiKey } from '@capstone/platform/api-key';
import { Problem } from '@capstone/platform/problem';
import { waitFor } from '@capstone/testing/wait-for';
import { TestApi } from './api-app.js';

interface Stored {
  readonly apiKeyId: string;
  readonly workspaceId: string;
  readonly userId: string;
  role: string;
  epoch: number;
  scopes: string[];
  readonly expiresAtMs: number;
}

let api: TestApi;
const stored = new Map<string, Stored>();
beforeAll(async () => {
  api = await TestApi.start();
  api.auth.answers.verifyApiKey = ({ key }: { key: string }) => {
    const found = stored.get(key);
    if (!found) throw new Problem('token-invalid');
    return found;
  };
});
afterAll(() => api.stop());
beforeEach(() => void (api.auth.requests.length = 0));

function issue(scopes: string[], expiresAtMs = Date.now() + 3_600_000) {
  const { key } = mintApiKey();
  const apiKey: Stored = {
    apiKeyId: uuidv7(),
    workspaceId: uuidv7(),
    userId: uuidv7(),
    role: 'member',
    epoch: 1,
    scopes,
    expiresAtMs,
  };
  stored.set(key, apiKey);
  const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) =>
    api.request(method, `/api/v1${path}`, {
      headers: { authorization: `Bearer ${key}` },
      ...(body !== undefined && { body }),
    });
  return { key, apiKey, call };
}

async function tell(kind: string, id: string, more: object = {}) {
  const fields = Object.entries({ kind, id, revokedAtMs: Date.now(), ...more }).flat();
  await api.queue.xadd(revocationStream(api.redis.prefix), '*', ...fields.map(String));
}

const asked = () => api.auth.requests.filter((each) => isVerification(each)).length;
function isVerification(request: unknown) {
  return (request as { method: string }).method === 'verifyApiKey';
}

describe('an API key', () => {
  test('T-17 opens what its scopes say, in its workspace, and asks auth once', async () => {
    const { apiKey, call } = issue(['tasks:read', 'tasks:write']);
    const colleague = await api.signIn({ workspaceId: apiKey.workspaceId });
    const stranger = await api.signIn();

    const created = await call('POST', '/tasks', { title: 'By a machine' });

    expect(created).toMatchObject({ status: 201, body: { createdBy: apiKey.userId } });
    const path = `/api/v1/tasks/${String(created.body.id)}`;
    expect((await colleague.get(path)).status).toBe(200);
    expect((await stranger.get(path)).status).toBe(404);
    expect((await call('GET', '/documents')).body.code).toBe('permission-denied');
    expect(asked()).toBe(1);
  });

  test('T-17 is for machines alone: nothing of a person opens to it', async () => {
    const { call } = issue(['tasks:read', 'documents:read', 'search:read', 'events:read']);

    for (const [method, path] of [
      ['GET', '/auth/me'],
      ['GET', '/auth/sessions'],
      ['DELETE', '/auth/sessions'],
      ['POST', '/auth/logout'],
      ['GET', '/workspaces'],
      ['GET', '/api-keys'],
      ['DELETE', `/api-keys/${uuidv7()}`],
    ] as const) {
      const refused = await call(method, path);
      expect(refused, path).toMatchObject({ status: 403, body: { code: 'permission-denied' } });
    }
    expect(asked()).toBe(1);
    expect(api.auth.requests).toHaveLength(1);
  });

  test('T-17 with a wrong checksum is refused without asking anybody', async () => {
    const { key } = issue(['tasks:read']);
    const last = key.endsWith('x') ? 'y' : 'x';

    for (const wrong of [key.slice(0, -1) + last, 'cap_x', 'cap_rt_abc', `${key}x`]) {
      const refused = await api.request('GET', '/api/v1/tasks', {
        headers: { authorization: `Bearer ${wrong}` },
      });
      expect(refused).toMatchObject({ status: 401, body: { code: 'token-invalid' } });
    }
    expect(api.auth.requests).toEqual([]);
  });

  test('T-17 that nobody made is refused with the answer of every bad token', async () => {
    const answers = await Promise.all(
      [mintApiKey().key, 'not.a.token'].map((token) =>
        api.request('GET', '/api/v1/tasks', { headers: { authorization: `Bearer ${token}` } }),
      ),
    );

    const [invented, nonsense] = answers.map(({ body }) => ({ ...body, traceId: undefined }));
    expect(invented).toEqual(nonsense);
    expect(answers[0]?.status).toBe(401);
  });

  test('T-17 is refused within 5 s of its revocation, although it was known', async () => {
    const { apiKey, call } = issue(['tasks:read']);
    expect((await call('GET', '/tasks')).status).toBe(200);

    await tell('api-key', apiKey.apiKeyId);

    const refused = async () => (await call('GET', '/tasks')).status === 401;
    await waitFor(refused, { timeoutMs: 5_000, what: 'the revocation' });
  });

  test('T-17 loses what the role of its creator loses', async () => {
    const { apiKey, call } = issue(['tasks:read', 'tasks:write']);
    expect((await call('POST', '/tasks', { title: 'x' })).status).toBe(201);

    Object.assign(apiKey, { role: 'viewer', epoch: 2, scopes: ['tasks:read'] });
    await tell('roles', membershipId(apiKey.workspaceId, apiKey.userId), { epoch: 2 });

    const denied = async () => (await call('POST', '/tasks', { title: 'x' })).status === 403;
    await waitFor(denied, { timeoutMs: 5_000, what: 'the change of the role' });
    expect((await call('GET', '/tasks')).status).toBe(200);
  });

  test('T-17 is refused when its time is over', async () => {
    const { call } = issue(['tasks:read'], Date.now() + 500);
    expect((await call('GET', '/tasks')).status).toBe(200);
    api.auth.answers.verifyApiKey = () => {
      throw new Problem('token-invalid');
    };

    await waitFor(async () => (await call('GET', '/tasks')).status === 401, { what: 'its end' });
    api.auth.answers.verifyApiKey = ({ key }: { key: string }) => stored.get(key) ?? {};
  });
});

describe('/api/v1/api-keys', () => {
  const row = {
    id: uuidv7(),
    name: 'Reports',
    prefix: 'cap_abc',
    scopes: ['tasks:read'],
    createdBy: uuidv7(),
    createdAt: '2026-11-21T08:00:00.000Z',
    expiresAt: '2027-02-19T08:00:00.000Z',
  };

  test('T-17 T-20 shows a new key once, and nobody may store it', async () => {
    const ada = await api.signIn();
    api.auth.answers.createApiKey = () => ({ apiKey: row, key: 'cap_abc_secret' });
    api.auth.answers.listApiKeys = () => ({ apiKeys: [{ ...row, lastUsedAt: row.createdAt }] });

    const created = await ada.post('/api/v1/api-keys', { name: 'Reports', scopes: row.scopes });
    const listed = await ada.get('/api/v1/api-keys');

    expect(created).toMatchObject({
      status: 201,
      body: { key: 'cap_abc_secret', prefix: 'cap_abc' },
    });
    expect(created.headers['cache-control']).toBe('no-store');
    expect(api.auth.requests[0]).toMatchObject({
      request: { name: 'Reports', scopes: ['tasks:read'], expiresInDays: 90 },
    });
    expect(listed.body.items).toEqual([{ ...row, lastUsedAt: row.createdAt }]);
  });

  test.each([
    ['no scope', { name: 'x', scopes: [] }],
    ['a scope of people', { name: 'x', scopes: ['members:write'] }],
    ['a life of more than a year', { name: 'x', scopes: ['tasks:read'], expiresInDays: 366 }],
    ['no name', { scopes: ['tasks:read'] }],
  ])('T-17 refuses %s', async (_, body) => {
    const ada = await api.signIn();

    expect((await ada.post('/api/v1/api-keys', body)).status).toBe(422);
    expect(api.auth.requests).toEqual([]);
  });

  test('is closed to who may only read', async () => {
    const viewer = await api.signIn({ role: 'viewer' });

    const refused = await viewer.post('/api/v1/api-keys', { name: 'x', scopes: ['tasks:read'] });

    expect(refused).toMatchObject({ status: 403, body: { code: 'permission-denied' } });
  });
});
