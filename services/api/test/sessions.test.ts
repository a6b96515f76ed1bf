import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestApi } from './api-app.js';
import { knownSession } from './fake-auth.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(() => void (api.auth.requests.length = 0));

describe('GET /api/v1/auth/sessions', () => {
  test('T-12 shows where the caller is signed in', async () => {
    const ada = await api.signIn();

    const { status, body } = await ada.get('/api/v1/auth/sessions');

    expect(status).toBe(200);
    expect(body.items).toEqual([
      {
        id: knownSession,
        workspace: { id: expect.any(String), name: 'Ada' },
        current: true,
        aal: 1,
        address: '192.0.2.1',
        userAgent: null,
        createdAt: '2026-11-21T08:00:00.000Z',
        lastUsedAt: '2026-11-21T09:00:00.000Z',
        expiresAt: '2026-11-28T09:00:00.000Z',
      },
    ]);
    expect(api.auth.requests).toMatchObject([{ metadata: ada.authorization }]);
  });
});

describe('DELETE /api/v1/auth/sessions', () => {
  test('T-12 ends all others, or the one that is named', async () => {
    const ada = await api.signIn();

    expect(await ada.delete('/api/v1/auth/sessions')).toMatchObject({ status: 204, text: '' });
    expect((await ada.delete(`/api/v1/auth/sessions/${knownSession}`)).status).toBe(204);
    expect(api.auth.requests).toMatchObject([
      { method: 'endOtherSessions', metadata: ada.authorization },
      { method: 'endSession', request: { sessionId: knownSession }, metadata: ada.authorization },
    ]);
  });

  test('answers a session of others like one that does not exist', async () => {
    const ada = await api.signIn();

    const refused = await ada.delete(`/api/v1/auth/sessions/${uuidv7()}`);

    expect(refused).toMatchObject({ status: 404, body: { code: 'session-not-found' } });
    expect((await ada.delete('/api/v1/auth/sessions/mine')).status).toBe(422);
  });
});

describe('POST /api/v1/auth/switch', () => {
  test('exchanges the tokens, which nobody may store', async () => {
    const ada = await api.signIn();
    const workspaceId = uuidv7();

    const answer = await ada.post('/api/v1/auth/switch', { workspaceId });

    expect(answer).toMatchObject({ status: 200, body: { refreshToken: 'cap_rt_next' } });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(api.auth.requests).toMatchObject([
      { request: { workspaceId, source: { address: '127.0.0.1' } }, metadata: ada.authorization },
    ]);
  });

  test('refuses a role or a scope to go with it', async () => {
    const ada = await api.signIn();

    const refused = await ada.post('/api/v1/auth/switch', { workspaceId: uuidv7(), role: 'owner' });

    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/role' }] } });
  });
});
