import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Task, TaskPage } from '@capstone/contracts/tasks';
import { TestApi, type TestUser } from './api-app.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

async function createTask(user: TestUser, fields: Record<string, unknown> = {}) {
  const { body, headers } = await user.post<Task>('/api/v1/tasks', { title: 'A task', ...fields });
  return { ...body, etag: headers.etag!, url: headers.location! };
}

const titles = ({ body }: { body: TaskPage }) => body.items.map(({ title }) => title);

describe('POST /api/v1/tasks', () => {
  test('stores the task and returns it with version 1', async () => {
    const ada = await api.signIn();

    const created = await ada.post<Task>('/api/v1/tasks', {
      title: ' Write docs ',
      labels: ['docs', 'docs', 'now'],
      dueAt: '2027-01-31T12:00:00+02:00',
      assigneeId: ada.userId,
    });

    expect(created).toMatchObject({
      status: 201,
      body: {
        title: 'Write docs',
        status: 'todo',
        priority: 'normal',
        labels: ['docs', 'docs', 'now'],
        dueAt: '2027-01-31T10:00:00.000Z',
        createdBy: ada.userId,
        version: 1,
      },
    });
    expect(created.headers.location).toBe(`/api/v1/tasks/${created.body.id}`);
    const read = await ada.get(created.headers.location!);
    expect(read).toMatchObject({ status: 200, body: created.body });
    expect(read.headers.etag).toBe(created.headers.etag);
  });

  test.each([
    ['no title', {}, '/title'],
    ['an empty title', { title: ' ' }, '/title'],
    ['a status that does not exist', { title: 'x', status: 'lost' }, '/status'],
    ['too many labels', { title: 'x', labels: Array(21).fill('a') }, '/labels'],
    ['an empty label', { title: 'x', labels: ['ok', ''] }, '/labels/1'],
    ['a date without a zone', { title: 'x', dueAt: '2027-01-31T12:00:00' }, '/dueAt'],
    ['an assignee that is no id', { title: 'x', assigneeId: 'ada' }, '/assigneeId'],
    ['text that Postgres cannot hold', { title: 'a\0b' }, '/title'],
    ['an unknown field', { title: 'x', workspaceId: uuidv7() }, '/workspaceId'],
    ['a field that is not the client’s', { title: 'x', version: 7 }, '/version'],
  ])('refuses %s and stores nothing', async (_, body, pointer) => {
    const ada = await api.signIn();

    const refused = await ada.post('/api/v1/tasks', body);

    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'validation-failed', errors: [{ pointer }] },
    });
    expect((await ada.get<TaskPage>('/api/v1/tasks')).body.items).toEqual([]);
  });

  test('answers a repetition with the same key as the first time, once created', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': 'k-1' };

    const first = await ada.post('/api/v1/tasks', { title: 'Once' }, key);
    const again = await ada.post('/api/v1/tasks', { title: ' Once ' }, key);

    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers.location).toBe(first.headers.location);
    expect(again.headers.etag).toBe(first.headers.etag);
    expect(titles(await ada.get<TaskPage>('/api/v1/tasks'))).toEqual(['Once']);
  });

  test('refuses the same key with another body', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': 'k-1' };
    await ada.post('/api/v1/tasks', { title: 'Once' }, key);

    const reused = await ada.post('/api/v1/tasks', { title: 'Twice' }, key);

    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
    expect(titles(await ada.get<TaskPage>('/api/v1/tasks'))).toEqual(['Once']);
  });

  test('keeps the keys of callers apart, also inside one workspace', async () => {
    const ada = await api.signIn();
    const bob = await api.signIn({ workspaceId: ada.workspaceId });
    const key = { 'idempotency-key': 'k-1' };

    await ada.post('/api/v1/tasks', { title: 'Hers' }, key);
    const his = await bob.post('/api/v1/tasks', { title: 'His' }, key);

    expect(his).toMatchObject({ status: 201, body: { title: 'His' } });
  });

  test('creates one task for many requests with one key at once', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': 'storm' };

    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ada.post('/api/v1/tasks', { title: 'Once' }, key)),
    );

    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true);
    expect(statuses).toContain(201);
    for (const { status, body } of answers) {
      if (status === 409) expect(body.code).toBe('idempotency-key-in-use');
    }
    expect(titles(await ada.get<TaskPage>('/api/v1/tasks'))).toEqual(['Once']);
  });

  test('keeps no key for a request that failed', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': 'k-1' };

    await ada.post('/api/v1/tasks', { title: '' }, key);
    const second = await ada.post('/api/v1/tasks', { title: 'Better' }, key);

    expect(second.status).toBe(201);
  });

  test.each(['', 'two words', 'é', 'x'.repeat(256)])('refuses the key %j', async (key) => {
    const ada = await api.signIn();

    const refused = await ada.post('/api/v1/tasks', { title: 'x' }, { 'idempotency-key': key });

    expect(refused).toMatchObject({ status: 400, body: { code: 'malformed-request' } });
  });

  test('is for those who may write', async () => {
    const viewer = await api.signIn({ role: 'viewer' });

    const refused = await viewer.post('/api/v1/tasks', { title: 'x' });

    expect(refused).toMatchObject({ status: 403, body: { code: 'permission-denied' } });
    expect((await viewer.get<TaskPage>('/api/v1/tasks')).body.items).toEqual([]);
  });
});

describe('GET /api/v1/tasks/{id}', () => {
  test('says 304 to a client that has this version, and sends a newer one', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    const known = await ada.get(task.url, { 'if-none-match': task.etag });
    const weak = await ada.get(task.url, { 'if-none-match': `"other", W/${task.etag}` });
    await ada.patch(task.url, { title: 'New' });
    const stale = await ada.get(task.url, { 'if-none-match': task.etag });

    expect(known).toMatchObject({ status: 304, text: '' });
    expect(known.headers.etag).toBe(task.etag);
    expect(weak.status).toBe(304);
    expect(stale).toMatchObject({ status: 200, body: { title: 'New' } });
  });

  test('does not tell another workspace’s task from one that does not exist', async () => {
    const ada = await api.signIn();
    const eve = await api.signIn();
    const task = await createTask(ada);

    const foreign = await eve.get(task.url);
    const missing = await eve.get(`/api/v1/tasks/${uuidv7()}`);

    const { instance: _, traceId: __, ...problem } = foreign.body;
    expect(problem).toEqual({
      type: 'urn:capstone:problem:task-not-found',
      title: 'Task not found',
      status: 404,
      code: 'task-not-found',
    });
    expect(missing.body).toMatchObject(problem);
  });

  test('refuses an id that is none', async () => {
    const ada = await api.signIn();

    expect(await ada.get('/api/v1/tasks/1')).toMatchObject({ status: 422 });
  });
});

describe('GET /api/v1/tasks', () => {
  test.each([
    ['createdAt', ['a', 'b', 'c', 'd', 'e']],
    ['-createdAt', ['e', 'd', 'c', 'b', 'a']],
    ['dueAt', ['c', 'a', 'e', 'b', 'd']],
    ['-dueAt', ['d', 'b', 'e', 'a', 'c']],
    ['priority', ['d', 'a', 'b', 'e', 'c']],
    ['-priority', ['c', 'e', 'b', 'a', 'd']],
  ])('pages through everything once, sorted by %s', async (sort, expected) => {
    const ada = await api.signIn();
    await createTask(ada, { title: 'a', dueAt: '2027-02-01T00:00:00Z' });
    await createTask(ada, { title: 'b' });
    await createTask(ada, { title: 'c', dueAt: '2027-01-01T00:00:00Z', priority: 'urgent' });
    await createTask(ada, { title: 'd', priority: 'low' });
    await createTask(ada, { title: 'e', dueAt: '2027-03-01T00:00:00Z' });

    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next: string = cursor && `&cursor=${cursor}`;
      const page = await ada.get<TaskPage>(`/api/v1/tasks?limit=2&sort=${sort}${next}`);
      expect(page.status).toBe(200);
      seen.push(...titles(page));
      cursor = page.body.nextCursor;
    }

    expect(seen).toEqual(expected);
  });

  test('ends with null on a page that is exactly full', async () => {
    const ada = await api.signIn();
    await createTask(ada);
    await createTask(ada);

    const page = await ada.get<TaskPage>('/api/v1/tasks?limit=2');

    expect(page.body.items).toHaveLength(2);
    expect(page.body.nextCursor).toBeNull();
  });

  test.each([
    ['status=done', ['done one']],
    ['priority=urgent', ['urgent one']],
    ['label=red', ['both colours', 'red one']],
    ['label=red&status=doing', ['both colours']],
    ['label=RED', []],
    ['dueBefore=2027-01-02T00:00:00Z', ['urgent one']],
    ['q=COLOUR', ['both colours']],
    ['q=in%20the%20text', ['red one']],
    ['q=100%25', []],
  ])('filters by %s', async (filter, expected) => {
    const ada = await api.signIn();
    await createTask(ada, { title: 'done one', status: 'done' });
    await createTask(ada, {
      title: 'urgent one',
      priority: 'urgent',
      dueAt: '2027-01-01T00:00:00Z',
    });
    await createTask(ada, {
      title: 'red one',
      labels: ['red'],
      description: 'Somewhere in the text',
    });
    await createTask(ada, { title: 'both colours', labels: ['blue', 'red'], status: 'doing' });

    expect(titles(await ada.get<TaskPage>(`/api/v1/tasks?${filter}`))).toEqual(expected);
  });

  test('filters by assignee and shows only the caller’s workspace', async () => {
    const ada = await api.signIn();
    const eve = await api.signIn();
    await createTask(ada, { title: 'Ada’s', assigneeId: ada.userId });
    await createTask(ada, { title: 'nobody’s' });
    await createTask(eve, { title: 'Eve’s', assigneeId: ada.userId });

    const assigned = await ada.get<TaskPage>(`/api/v1/tasks?assigneeId=${ada.userId}`);

    expect(titles(assigned)).toEqual(['Ada’s']);
    expect(titles(await eve.get<TaskPage>('/api/v1/tasks'))).toEqual(['Eve’s']);
  });

  test('follows labels as they change', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada, { labels: ['old', 'kept'] });

    await ada.patch(task.url, { labels: ['kept', 'new'] });

    const withLabel = async (label: string) =>
      (await ada.get<TaskPage>(`/api/v1/tasks?label=${label}`)).body.items.length;
    expect(await withLabel('old')).toBe(0);
    expect(await withLabel('kept')).toBe(1);
    expect(await withLabel('new')).toBe(1);
  });

  test('refuses a cursor of another sort order, filter or workspace, and one that is none', async () => {
    const ada = await api.signIn();
    const eve = await api.signIn();
    await createTask(ada);
    await createTask(ada);
    const { body } = await ada.get<TaskPage>('/api/v1/tasks?limit=1');
    const url = `/api/v1/tasks?cursor=${body.nextCursor}`;

    const refused = await Promise.all([
      ada.get(`${url}&sort=dueAt`),
      ada.get(`${url}&status=todo`),
      eve.get(url),
      ada.get('/api/v1/tasks?cursor=bm9uc2Vuc2U'),
      ada.get('/api/v1/tasks?cursor=%00'),
    ]);

    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } });
    }
    expect((await ada.get(`${url}&limit=50`)).status).toBe(200);
  });

  test.each(['limit=0', 'limit=101', 'limit=x', 'sort=title', 'status=gone', 'colour=red'])(
    'refuses %s',
    async (query) => {
      const ada = await api.signIn();

      const refused = await ada.get(`/api/v1/tasks?${query}`);

      const pointer = `/${query.split('=', 1)[0]}`;
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    },
  );
});

describe('PUT /api/v1/tasks/{id}', () => {
  test('replaces everything: what is left out goes back to its default', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada, { priority: 'high', labels: ['a'], description: 'long' });

    const replaced = await ada.put<Task>(task.url, { title: 'New' }, { 'if-match': task.etag });

    expect(replaced).toMatchObject({
      status: 200,
      body: { title: 'New', priority: 'normal', labels: [], description: '', version: 2 },
    });
    expect((await ada.get(task.url)).headers.etag).toBe(replaced.headers.etag);
  });

  test('needs If-Match', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    const refused = await ada.put(task.url, { title: 'New' });

    expect(refused).toMatchObject({ status: 428, body: { code: 'if-match-required' } });
    expect((await ada.get(task.url)).body).toMatchObject({ title: 'A task', version: 1 });
  });

  test.each(['"stale"', 'unquoted', '*stale'])('refuses the tag %s', async (tag) => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    const refused = await ada.put(task.url, { title: 'New' }, { 'if-match': tag });

    expect(refused).toMatchObject({ status: 412, body: { code: 'version-mismatch' } });
    expect((await ada.get(task.url)).body).toMatchObject({ title: 'A task', version: 1 });
  });

  test('takes any version for *', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    expect((await ada.put(task.url, { title: 'New' }, { 'if-match': '*' })).status).toBe(200);
  });

  test('lets one of many concurrent writers win', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        ada.put(task.url, { title: `Writer ${at}` }, { 'if-match': task.etag }),
      ),
    );

    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, 412, 412, 412, 412, 412]);
    const winner = answers.find(({ status }) => status === 200)!;
    expect((await ada.get(task.url)).body).toEqual(winner.body);
  });

  test('changes nothing in another workspace', async () => {
    const ada = await api.signIn();
    const eve = await api.signIn();
    const task = await createTask(ada);

    const refused = await eve.put(task.url, { title: 'Mine' }, { 'if-match': '*' });

    expect(refused).toMatchObject({ status: 404, body: { code: 'task-not-found' } });
    expect((await ada.get(task.url)).body).toMatchObject({ title: 'A task', version: 1 });
  });

  test('refuses a bad body with pointers and changes nothing', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    const refused = await ada.put(task.url, { title: '', id: 'x' }, { 'if-match': task.etag });

    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([
      expect.objectContaining({ pointer: '/title' }),
      expect.objectContaining({ pointer: '/id' }),
    ]);
    expect((await ada.get(task.url)).body).toMatchObject({ version: 1 });
  });
});

describe('PATCH /api/v1/tasks/{id}', () => {
  test.each(['application/merge-patch+json', 'application/json'])(
    'changes what %s names and leaves the rest',
    async (contentType) => {
      const ada = await api.signIn();
      const task = await createTask(ada, {
        description: 'stays',
        dueAt: '2027-01-01T00:00:00Z',
        labels: ['a'],
      });

      const patched = await ada.patch<Task>(
        task.url,
        { status: 'doing', dueAt: null },
        { 'content-type': contentType },
      );

      expect(patched).toMatchObject({
        status: 200,
        body: { status: 'doing', dueAt: null, description: 'stays', labels: ['a'], version: 2 },
      });
    },
  );

  test('makes no new version when nothing changes', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada, { dueAt: '2027-01-01T00:00:00Z' });

    const same = await ada.patch(task.url, {
      title: 'A task',
      dueAt: '2027-01-01T01:00:00+01:00',
    });

    expect(same).toMatchObject({ status: 200, body: { version: 1 } });
    expect(same.headers.etag).toBe(task.etag);
  });

  test('refuses a stale version where one is given', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);
    await ada.patch(task.url, { title: 'Newer' });

    const refused = await ada.patch(task.url, { title: 'Stale' }, { 'if-match': task.etag });

    expect(refused).toMatchObject({ status: 412, body: { code: 'version-mismatch' } });
    expect((await ada.get(task.url)).body).toMatchObject({ title: 'Newer' });
  });

  test('loses none of the concurrent changes of different fields', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    await Promise.all([
      ada.patch(task.url, { title: 'Both' }),
      ada.patch(task.url, { status: 'done' }),
      ada.patch(task.url, { labels: ['x'] }),
    ]);

    expect((await ada.get(task.url)).body).toMatchObject({
      title: 'Both',
      status: 'done',
      labels: ['x'],
      version: 4,
    });
  });

  test.each([
    ['null for what must not be empty', { title: null }, '/title'],
    ['an unknown field', { owner: 'x' }, '/owner'],
    ['what is not an object', ['title'], ''],
  ])('refuses %s', async (_, patch, pointer) => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    const refused = await ada.patch(task.url, patch);

    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
  });

  test('takes no other content type', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    const refused = await ada.patch(task.url, [], {
      'content-type': 'application/json-patch+json',
    });

    expect(refused).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
    expect(refused.headers.accept).toBe('application/merge-patch+json, application/json');
  });

  test('changes nothing in another workspace', async () => {
    const ada = await api.signIn();
    const eve = await api.signIn();
    const task = await createTask(ada);

    expect((await eve.patch(task.url, { title: 'Mine' })).status).toBe(404);
    expect((await ada.get(task.url)).body).toMatchObject({ title: 'A task' });
  });
});

describe('DELETE /api/v1/tasks/{id}', () => {
  test('removes the task; then it is not there', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada, { labels: ['x'] });

    expect(await ada.delete(task.url)).toMatchObject({ status: 204, text: '' });
    expect(await ada.delete(task.url)).toMatchObject({ status: 404 });
    expect((await ada.get<TaskPage>('/api/v1/tasks?label=x')).body.items).toEqual([]);
  });

  test('refuses a stale version where one is given', async () => {
    const ada = await api.signIn();
    const task = await createTask(ada);

    expect((await ada.delete(task.url, { 'if-match': '"old"' })).status).toBe(412);
    expect((await ada.get(task.url)).status).toBe(200);
  });

  test('deletes nothing in another workspace, and nothing for a viewer', async () => {
    const ada = await api.signIn();
    const eve = await api.signIn();
    const viewer = await api.signIn({ role: 'viewer', workspaceId: ada.workspaceId });
    const task = await createTask(ada);

    expect((await eve.delete(task.url)).status).toBe(404);
    expect((await viewer.delete(task.url)).status).toBe(403);
    expect((await ada.get(task.url)).status).toBe(200);
  });
});
