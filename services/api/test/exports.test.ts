import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Problem } from '@capstone/platform/problem';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { waitFor } from '@capstone/testing/wait-for';
import { TestApi, type TestUser } from './api-app.js';

let api: TestApi;
let asWorker: Database;
beforeAll(async () => {
  api = await TestApi.start();
  asWorker = new Database({
    url: api.database.urlFor('worker'),
    caFile: api.database.caFile,
    poolSize: 1,
    pipelines: 1,
    statementTimeoutMs: 5_000,
    applicationName: 'test',
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
});
afterAll(async () => {
  await asWorker.close();
  await api.stop();
});

const people = Array.from({ length: 101 }, () => ({
  userId: uuidv7(),
  email: 'ada@example.com',
  role: 'member',
  joinedAt: '2026-11-21T08:00:00.000Z',
}));
beforeEach(() => {
  api.auth.requests.length = 0;
  api.auth.answers.beginExport = ({ workspaceId }: { workspaceId: string }) => ({
    workspace: {
      id: workspaceId,
      name: 'Engines',
      role: 'owner',
      personal: false,
      version: 1,
      createdAt: '2026-11-21T08:00:00.000Z',
    },
  });
  api.auth.answers.listMembers = ({ limit, after }: { limit: number; after?: string }) => ({
    members: people.filter(({ userId }) => userId > (after ?? '')).slice(0, limit),
  });
});

const urlOf = (user: TestUser) => `/api/v1/workspaces/${user.workspaceId}/exports`;

/** What the worker does. */
async function write(user: TestUser, exportId: string, lines: string[]) {
  const run = uuidv7();
  const { workspaceId } = user;
  await asWorker.transaction({ workspaceId }, async (tx) => {
    for (const [at, line] of lines.entries()) {
      await tx.query(
        'test.part',
        `insert into app.export_parts (workspace_id, export_id, run, ordinal, content)
         values ($1, $2, $3, $4, $5)`,
        [workspaceId, exportId, run, at + 1, `${line}\n`],
      );
    }
    await tx.query(
      'test.finish',
      `update app.exports set status = 'ready', run = $3, finished_at = now()
        where workspace_id = $1 and id = $2`,
      [workspaceId, exportId, run],
    );
  });
}

describe('POST /api/v1/workspaces/{id}/exports', () => {
  test('asks the worker once for each Idempotency-Key, and auth for leave and members', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': uuidv7() };

    const created = await ada.post(urlOf(ada), undefined, key);
    const again = await ada.post(urlOf(ada), undefined, key);

    expect(created).toMatchObject({
      status: 202,
      headers: { location: `${urlOf(ada)}/${String(created.body.id)}` },
      body: { status: 'queued', requestedBy: ada.userId, finishedAt: null },
    });
    expect(again.body).toEqual(created.body);
    expect(api.auth.requests).toMatchObject([
      { method: 'beginExport', metadata: ada.authorization },
      { method: 'listMembers' },
      { method: 'listMembers' },
    ]);
    const pattern = `${api.redis.prefix}:bull:workspaces:*`;
    await waitFor(
      async () => {
        const keys = await api.queue.keys(pattern);
        const jobs = keys.filter((name) => /[0-9a-f-]{36}$/.test(name));
        return jobs.length === 1;
      },
      { what: 'the job' },
    );
  });

  test('is for owners, in the workspace of the token, and only if auth says so', async () => {
    const ada = await api.signIn();
    const admin = await api.signIn({ role: 'admin' });
    const elsewhere = `/api/v1/workspaces/${uuidv7()}/exports`;

    expect((await admin.post(urlOf(admin))).status).toBe(403);
    expect(await ada.post(elsewhere)).toMatchObject({ body: { code: 'workspace-not-found' } });
    api.auth.answers.beginExport = () => {
      throw new Problem('permission-denied');
    };
    expect((await ada.post(urlOf(ada))).status).toBe(403);
  });
});

describe('GET /api/v1/workspaces/{id}/exports/{exportId}', () => {
  test('gives the lines in their order once they are all there', async () => {
    const ada = await api.signIn();
    const { body } = await ada.post(urlOf(ada));
    const exportId = String(body.id);
    const url = `${urlOf(ada)}/${exportId}`;
    expect(await ada.get(`${url}/content`)).toMatchObject({
      status: 409,
      body: { code: 'export-not-ready' },
    });

    await write(ada, exportId, ['{"type":"task","data":{}}', '{"type":"document","data":{}}']);
    const download = await ada.get(`${url}/content`);

    expect((await ada.get(url)).body).toMatchObject({ status: 'ready' });
    expect(download.status).toBe(200);
    expect(download.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'content-disposition': `attachment; filename="${ada.workspaceId}.ndjson"`,
    });
    const types = download.text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    const members = people.map(() => 'member');
    expect(types).toEqual(['workspace', ...members, 'task', 'document']);
  });

  test('H-02 is not found by others, nor when it has expired', async () => {
    const [ada, eve] = [await api.signIn(), await api.signIn()];
    const { body } = await ada.post(urlOf(ada));
    const id = String(body.id);

    expect(await eve.get(`${urlOf(eve)}/${id}`)).toMatchObject({
      body: { code: 'export-not-found' },
    });
    expect(await eve.get(`${urlOf(ada)}/${id}/content`)).toMatchObject({
      body: { code: 'workspace-not-found' },
    });
  });
});
