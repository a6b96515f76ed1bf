import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '@capstone/testing/wait-for';
import { TestApi } from './api-app.js';

const id = uuidv7();

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

const told = () =>
  (api.auth.denials as { request: { denials: object[] } }[]).flatMap(
    ({ request }) => request.denials,
  );

const event = (seq: number) => ({
  id: uuidv7(),
  seq,
  occurredAt: '2026-11-21T08:00:00.000Z',
  action: 'workspace.renamed',
  outcome: 'allow',
  hash: '00',
  factsJson: JSON.stringify({
    actorId: uuidv7(),
    sessionId: null,
    target: null,
    reason: null,
    address: null,
    userAgent: null,
    traceId: null,
    detail: {},
  }),
});

describe('GET /api/v1/workspaces/{id}/audit', () => {
  test('pages from the newest to the oldest', async () => {
    const ada = await api.signIn();
    api.auth.answers.listAuditEvents = ({
      limit,
      beforeSeq = 6,
    }: {
      limit: number;
      beforeSeq?: number;
    }) => ({
      events: [5, 4, 3, 2, 1]
        .filter((seq) => seq < beforeSeq)
        .slice(0, limit)
        .map(event),
    });
    const url = `/api/v1/workspaces/${id}/audit?limit=3`;

    const first = await ada.get<{ items: { seq: number }[]; nextCursor: string }>(url);
    const second = await ada.get(`${url}&cursor=${first.body.nextCursor}`);
    const elsewhere = await ada.get(
      `/api/v1/workspaces/${uuidv7()}/audit?cursor=${first.body.nextCursor}`,
    );

    expect(first.body.items.map(({ seq }) => seq)).toEqual([5, 4, 3]);
    expect(second.body).toMatchObject({ items: [{ seq: 2 }, { seq: 1 }], nextCursor: null });
    expect(elsewhere).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } });
  });
});

describe('what is refused at the door', () => {
  test('L-01 is told to the audit, many alike as one', async () => {
    const viewer = await api.signIn({ role: 'viewer' });
    const attempts = Array.from({ length: 5 }, () => viewer.post('/api/v1/tasks', { title: 'x' }));
    for (const { status } of await Promise.all(attempts)) expect(status).toBe(403);

    await waitFor(() => told().length > 0, { what: 'the denials' });

    const counts = (told() as { count: number }[]).map(({ count }) => count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(told()[0]).toMatchObject({
      workspaceId: viewer.workspaceId,
      userId: viewer.userId,
      permission: 'tasks:write',
      route: 'POST /api/v1/tasks',
      address: '127.0.0.1',
    });
  });
});
