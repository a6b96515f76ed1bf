import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Task } from '@capstone/contracts/tasks';
import { waitFor } from '@capstone/testing/wait-for';
import { TestApi, type TestUser } from './api-app.js';

let api: TestApi;
let origin: string;
beforeAll(async () => {
  api = await TestApi.start({ EVENTS_MAX_STREAMS_PER_USER: '3', EVENTS_KEPT: '1' });
  await api.app.listen('127.0.0.1', 0);
  origin = `http://127.0.0.1:${(api.app.fastify.server.address() as AddressInfo).port}`;
});
afterAll(() => api.stop());

interface Event {
  readonly id?: string;
  readonly event?: string;
  readonly data?: unknown;
}

/** A client over a real socket: the answer never ends by itself. */
class Listener {
  readonly events: Event[] = [];
  lastId = '';
  ended = false;
  private text = '';

  private constructor(
    readonly response: Response,
    private readonly abort: AbortController,
  ) {}

  static async open(user: TestUser, headers: Record<string, string> = {}, at = origin) {
    const abort = new AbortController();
    const response = await fetch(`${at}/api/v1/events`, {
      headers: { ...user.authorization, ...headers },
      signal: abort.signal,
    });
    const listener = new Listener(response, abort);
    if (response.ok) {
      void listener.read();
      await waitFor(() => listener.lastId !== '', { what: 'the stream to begin' });
    }
    return listener;
  }

  get names() {
    return this.events.map(({ event }) => event);
  }

  async close() {
    this.abort.abort();
    await waitFor(() => this.ended);
  }

  private async read() {
    try {
      for await (const chunk of this.response.body!.pipeThrough(new TextDecoderStream())) {
        this.text += chunk;
        const blocks = this.text.split('\n\n');
        this.text = blocks.pop()!;
        for (const block of blocks) this.take(block);
      }
    } catch {
      // Aborted by close().
    }
    this.ended = true;
  }

  private take(block: string) {
    const fields = Object.fromEntries(
      block.split('\n').map((line) => [line.split(':', 1)[0], line.slice(line.indexOf(':') + 2)]),
    );
    if (fields.id) this.lastId = fields.id;
    if (fields.event) this.events.push({ ...fields, data: JSON.parse(fields.data) });
  }
}

describe('GET /api/v1/events', () => {
  test('tells of each change of a task, once it is committed', async () => {
    const ada = await api.signIn();
    const listener = await Listener.open(ada);

    const { body: task, headers } = await ada.post<Task>('/api/v1/tasks', { title: 'x' });
    await ada.patch(headers.location!, { title: 'y' });
    await ada.post('/api/v1/tasks', { title: '' });
    await ada.delete(headers.location!);

    await waitFor(() => listener.events.length === 3, { what: 'three events' });
    expect(listener.events.map(({ event, data }) => ({ event, data }))).toEqual([
      { event: 'task.created', data: { taskId: task.id, version: 1 } },
      { event: 'task.updated', data: { taskId: task.id, version: 2 } },
      { event: 'task.deleted', data: { taskId: task.id } },
    ]);
    expect(new Set(listener.events.map(({ id }) => id)).size).toBe(3);
    await listener.close();
  });

  test('is not buffered, cached or cut off by proxies', async () => {
    const listener = await Listener.open(await api.signIn());

    const { headers } = listener.response;
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-accel-buffering')).toBe('no');
    expect(headers.get('ratelimit')).toMatch(/^"caller";r=\d+;t=\d+$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    await listener.close();
  });

  test('tells members of the workspace, and nobody else', async () => {
    const ada = await api.signIn();
    const bob = await api.signIn({ workspaceId: ada.workspaceId, role: 'viewer' });
    const eve = await api.signIn();
    const [bobs, eves] = await Promise.all([Listener.open(bob), Listener.open(eve)]);

    await ada.post('/api/v1/tasks', { title: 'Ada’s' });
    await eve.post('/api/v1/tasks', { title: 'Eve’s' });

    await waitFor(() => bobs.events.length > 0 && eves.events.length > 0);
    expect([bobs.names, eves.names]).toEqual([['task.created'], ['task.created']]);
    expect(bobs.events[0]?.data).not.toEqual(eves.events[0]?.data);
    await Promise.all([bobs.close(), eves.close()]);
  });

  test('resumes behind Last-Event-ID', async () => {
    const ada = await api.signIn();
    const before = await Listener.open(ada);
    await ada.post('/api/v1/tasks', { title: 'seen' });
    await waitFor(() => before.events.length === 1);
    await before.close();

    for (const title of ['missed', 'missed, too']) await ada.post('/api/v1/tasks', { title });
    await waitFor(async () => (await api.queue.xlen(streamOf(ada))) >= 3);
    const after = await Listener.open(ada, { 'last-event-id': before.lastId });
    await ada.post('/api/v1/tasks', { title: 'live' });

    await waitFor(() => after.events.length === 3);
    expect(after.names).toEqual(['task.created', 'task.created', 'task.created']);
    await after.close();
  });

  test('resumes from a stream in which nothing had happened', async () => {
    const ada = await api.signIn();
    const before = await Listener.open(ada);
    await before.close();

    await ada.post('/api/v1/tasks', { title: 'missed' });
    await waitFor(async () => (await api.queue.exists(streamOf(ada))) === 1);
    const after = await Listener.open(ada, { 'last-event-id': before.lastId });

    await waitFor(() => after.events.length > 0);
    expect(after.names).toEqual(['task.created']);
    await after.close();
  });

  test.each([
    ['an old place', '1-0'],
    ['a place that is none', 'yesterday'],
  ])('says reset for %s, when events behind it may be gone', async (_, place) => {
    const ada = await api.signIn();
    await ada.post('/api/v1/tasks', { title: 'x' });
    await waitFor(async () => (await api.queue.exists(streamOf(ada))) === 1);

    const listener = await Listener.open(ada, { 'last-event-id': place });
    await waitFor(() => listener.events.length > 0);

    expect(listener.names).toEqual(['reset']);
    await listener.close();
  });

  test('ends when the session is revoked, and does not open again', async () => {
    const ada = await api.signIn();
    const listener = await Listener.open(ada);

    await api.revoke(ada.sessionId);

    await waitFor(() => listener.ended, { timeoutMs: 5_000, what: 'the stream to end' });
    expect((await Listener.open(ada)).response.status).toBe(401);
  });

  test('ends when the token does', async () => {
    const token = await api.auth.sign({ exp: Math.floor(Date.now() / 1000) - 3 });
    const ada = await api.signIn();
    Object.assign(ada, { token });

    const listener = await Listener.open(ada);

    await waitFor(() => listener.ended, { what: 'the stream to end' });
  });

  test('has room for a few streams of each user', async () => {
    const ada = await api.signIn();
    const open = await Promise.all([1, 2, 3].map(() => Listener.open(ada)));

    const refused = await Listener.open(ada);
    const other = await Listener.open(await api.signIn());

    expect(refused.response.status).toBe(429);
    expect(await refused.response.json()).toMatchObject({ code: 'rate-limited' });
    expect(refused.response.headers.get('retry-after')).toBe('5');
    expect(other.response.status).toBe(200);
    await Promise.all([...open, other].map((listener) => listener.close()));
    await waitFor(async () => {
      const again = await Listener.open(ada);
      if (again.response.ok) await again.close();
      return again.response.ok;
    });
  });

  test('needs a token and the permission', async () => {
    const unsigned = await fetch(`${origin}/api/v1/events`);
    const ada = await api.signIn();
    Object.assign(ada, { token: await api.auth.sign({ scope: 'tasks:read' }) });

    expect(unsigned.status).toBe(401);
    expect((await Listener.open(ada)).response.status).toBe(403);
  });

  test('ends when the service stops', async () => {
    const second = await TestApi.start({}, api.auth);
    const port = await second.app.listen('127.0.0.1', 0);
    const listener = await Listener.open(await second.signIn(), {}, `http://127.0.0.1:${port}`);

    await second.stop();

    await waitFor(() => listener.ended, { timeoutMs: 2_000, what: 'the stream to end' });
  });

  test('drops a client that does not read, and goes on for the others', async () => {
    const ada = await api.signIn();
    const slow = await openAndStall(ada);
    const quick = await Listener.open(ada);
    const data = JSON.stringify('x'.repeat(60_000));

    // 18 MB: past what the kernel holds for the client, then past what we do.
    for (let at = 0; at < 300; at += 1) {
      const message = [ada.workspaceId, `${Date.now()}-${at}`, 'task.updated', data];
      await api.queue.publish(`${api.redis.prefix}:events`, JSON.stringify(message));
    }
    await ada.post('/api/v1/tasks', { title: 'still here' });

    await waitFor(() => quick.names.includes('task.created'));
    slow.resume();
    await waitFor(() => slow.closed, { what: 'the slow client to be dropped' });
    await quick.close();
  });
});

function streamOf(user: TestUser) {
  return `${api.redis.prefix}:events:${user.workspaceId}`;
}

async function openAndStall(user: TestUser) {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user.token}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('data', resolve));
  return socket.pause();
}
