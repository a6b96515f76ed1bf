import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Problem } from '@capstone/platform/problem';
import { TestApi } from './api-app.js';

const id = uuidv7();
const details = {
  id,
  name: 'Engines',
  role: 'owner',
  personal: false,
  version: 3,
  createdAt: '2026-11-21T08:00:00.000Z',
};
const member = (userId: string) => ({
  userId,
  email: 'ada@example.com',
  role: 'member',
  joinedAt: '2026-11-21T08:00:00.000Z',
});

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
  const { answers } = api.auth;
  for (const method of ['createWorkspace', 'getWorkspace', 'renameWorkspace', 'restoreWorkspace']) {
    answers[method] = () => ({ workspace: details });
  }
});
afterAll(() => api.stop());
beforeEach(() => void (api.auth.requests.length = 0));

describe('POST /api/v1/workspaces', () => {
  test('creates one, once for each Idempotency-Key', async () => {
    const ada = await api.signIn({ role: 'viewer' });
    const key = { 'idempotency-key': uuidv7() };

    const created = await ada.post('/api/v1/workspaces', { name: 'Engines' }, key);
    const again = await ada.post('/api/v1/workspaces', { name: 'Engines' }, key);

    expect(created).toMatchObject({
      status: 201,
      headers: { location: `/api/v1/workspaces/${id}`, etag: `"${id}.3.0"` },
      body: { ...details, deletionDueAt: null },
    });
    expect(again.body).toEqual(created.body);
    expect(api.auth.requests).toHaveLength(1);
    expect(api.auth.requests).toMatchObject([{ metadata: ada.authorization }]);
  });

  test('refuses what a client may not say', async () => {
    const ada = await api.signIn();

    for (const body of [{}, { name: '' }, { name: 'x', id }, { name: 'x', role: 'owner' }]) {
      expect(await ada.post('/api/v1/workspaces', body)).toMatchObject({ status: 422 });
    }
    expect(api.auth.requests).toEqual([]);
  });
});

describe('PATCH /api/v1/workspaces/{id}', () => {
  test('passes on the version that the client has seen', async () => {
    const ada = await api.signIn();

    const patched = await ada.patch(
      `/api/v1/workspaces/${id}`,
      { name: 'Looms' },
      { 'if-match': `"${id}.3.0"` },
    );

    expect(patched.status).toBe(200);
    expect(api.auth.requests.at(-1)).toMatchObject({
      request: { workspaceId: id, name: 'Looms', expectedVersion: 3 },
    });
    const stale = await ada.patch(
      `/api/v1/workspaces/${id}`,
      { name: 'Looms' },
      { 'if-match': `"${id}.2.0"` },
    );
    expect(stale).toMatchObject({ status: 412, body: { code: 'version-mismatch' } });
  });
});

describe('DELETE /api/v1/workspaces/{id}', () => {
  test('answers when it will be gone, or that somebody must prove who they are', async () => {
    const ada = await api.signIn();
    const deletionDueAt = '2026-11-28T08:00:00.000Z';

    api.auth.answers.deleteWorkspace = () => ({ workspace: { ...details, deletionDueAt } });
    const deleted = await ada.delete(`/api/v1/workspaces/${id}`);
    api.auth.answers.deleteWorkspace = () => {
      throw new Problem('step-up-required');
    };
    const refused = await ada.delete(`/api/v1/workspaces/${id}`);

    expect(deleted).toMatchObject({ status: 202, body: { deletionDueAt } });
    expect(refused).toMatchObject({ status: 401, body: { code: 'step-up-required' } });
    expect(refused.headers['www-authenticate']).toContain('insufficient_user_authentication');
  });
});

describe('GET /api/v1/workspaces/{id}/members', () => {
  test('goes on behind the last one seen', async () => {
    const ada = await api.signIn();
    const people = [uuidv7(), uuidv7(), uuidv7()];
    api.auth.answers.listMembers = ({ limit, after }: { limit: number; after?: string }) => ({
      members: people
        .filter((userId) => userId > (after ?? ''))
        .slice(0, limit)
        .map(member),
    });

    const first = await ada.get(`/api/v1/workspaces/${id}/members?limit=2`);
    const cursor = String(first.body.nextCursor);
    const second = await ada.get(`/api/v1/workspaces/${id}/members?limit=2&cursor=${cursor}`);
    const elsewhere = await ada.get(`/api/v1/workspaces/${uuidv7()}/members?cursor=${cursor}`);

    expect(first.body.items).toMatchObject([{ userId: people[0], name: null }, {}]);
    expect(second.body).toMatchObject({ items: [{ userId: people[2] }], nextCursor: null });
    expect(elsewhere).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } });
  });
});

describe('what auth says', () => {
  test.each([
    ['workspace-not-found', 404],
    ['permission-denied', 403],
    ['last-owner', 409],
    ['member-not-found', 404],
  ] as const)('%s goes through as %i', async (code, status) => {
    const ada = await api.signIn();
    api.auth.answers.changeRole = () => {
      throw new Problem(code);
    };

    const refused = await ada.patch(`/api/v1/workspaces/${id}/members/${uuidv7()}`, {
      role: 'admin',
    });

    expect(refused).toMatchObject({ status, body: { code } });
  });
});

describe('invitations', () => {
  test('show everything but the token', async () => {
    const ada = await api.signIn();
    api.auth.answers.createInvitation = () => ({
      invitation: {
        id,
        email: 'bob@example.com',
        role: 'member',
        invitedBy: ada.userId,
        createdAt: '2026-11-21T08:00:00.000Z',
        expiresAt: '2026-11-28T08:00:00.000Z',
      },
    });

    const created = await ada.post(`/api/v1/workspaces/${id}/invitations`, {
      email: ' Bob@Example.com',
      role: 'member',
    });

    expect(created).toMatchObject({ status: 201, body: { email: 'bob@example.com' } });
    expect(api.auth.requests).toMatchObject([{ request: { email: 'bob@example.com' } }]);
  });

  test('are accepted by whoever is signed in', async () => {
    const bob = await api.signIn({ role: 'viewer' });
    api.auth.answers.acceptInvitation = () => ({ workspace: { ...details, role: 'member' } });

    const accepted = await bob.post('/api/v1/invitations/accept', { token: 'cap_iv_x' });

    expect(accepted).toMatchObject({ status: 200, body: { id, role: 'member' } });
  });
});
