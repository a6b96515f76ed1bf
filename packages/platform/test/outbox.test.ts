import { randomUUID } from 'node:crypto';
import type { EventName } from '@capstone/contracts/events';
import { createTestDatabase } from '@capstone/testing/database';
import type { TestDatabase } from '@capstone/testing/database';
import { testRedis } from '@capstone/testing/redis';
import { startTcpProxy } from '@capstone/testing/tcp-proxy';
import { waitFor } from '@capstone/testing/wait-for';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../src/database.js';
import { outboxLag } from '../src/metrics.js';
import { OutboxRelay } from '../src/outbox-relay.js';
import type { OutboxRelayOptions } from '../src/outbox-relay.js';
import { Outbox } from '../src/outbox.js';
import { JobQueues } from '../src/queue.js';
import { connectRedis, disconnectRedis } from '../src/redis.js';
import { continueTrace } from '../src/tracing.js';
import { execute, openDatabase, silent } from './items.js';

const redis = testRedis();
const connection = {
  url: redis.queueUrl('api'),
  caFile: redis.caFile,
  keyPrefix: redis.prefix,
  name: 'api',
  logger: silent,
};
const raw = connectRedis({ ...connection, url: redis.queueUrl('admin') });
const outbox = new Outbox('app');
const relays: OutboxRelay[] = [];

interface Published {
  workspaceId: string;
  id: string;
  name: EventName;
  data: unknown;
}

let server: TestDatabase;
let db: Database;
let queues: JobQueues;
let documents: Queue;
let published: Published[];

beforeAll(async () => {
  server = await createTestDatabase('app');
  db = openDatabase(server);
  queues = new JobQueues(connection);
  documents = new Queue('documents', { connection: raw, prefix: `${redis.prefix}:bull` });
});

beforeEach(() => {
  published = [];
});

afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
  await documents.obliterate({ force: true });
  await execute(server, 'migrator', 'delete from app.outbox');
});

afterAll(async () => {
  await Promise.all([db.close(), queues.close(), disconnectRedis(raw)]);
  await redis.flush();
  await server.drop();
});

function startRelay(overrides: Partial<OutboxRelayOptions> = {}) {
  const relay = new OutboxRelay({
    database: db,
    schema: 'app',
    queues,
    publishEvent: async (workspaceId, id, name, data) => {
      published.push({ workspaceId, id, name, data });
    },
    logger: silent,
    pollMs: 50,
    ...overrides,
  });
  relays.push(relay);
  relay.start();
  return relay;
}

const payload = () => ({ workspaceId: randomUUID(), documentId: randomUUID(), version: 1 });
const enqueue = (content = payload()) =>
  db.transaction({}, async (tx) => outbox.job(tx, 'document.ingest', content));
const rows = () =>
  execute(server, 'migrator', 'select id, name from app.outbox order by id') as Promise<
    { id: string; name: string }[]
  >;
const jobs = () => documents.getJobs(['waiting', 'delayed', 'prioritized']);
const emptied = () => waitFor(async () => (await rows()).length === 0, { what: 'an empty outbox' });

describe('the outbox', () => {
  test('says nothing of a transaction that is rolled back', async () => {
    const rolledBack = db.transaction({}, async (tx) => {
      outbox.job(tx, 'document.ingest', payload());
      throw new Error('no');
    });

    await expect(rolledBack).rejects.toThrow('no');
    expect(await rows()).toEqual([]);
  });

  test('refuses a payload that is not the job’s, and nothing is written', async () => {
    await expect(enqueue({ ...payload(), version: -1 })).rejects.toMatchObject({
      name: 'ZodError',
    });
    expect(await rows()).toEqual([]);
  });
});

describe('the relay', () => {
  test('hands a job on under the id of its row, with the trace of its transaction', async () => {
    const content = payload();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';
    await continueTrace(traceparent, 'request', () => enqueue(content));
    const [row] = await rows();

    startRelay();
    await emptied();

    const job = await documents.getJob(row!.id);
    expect(job).toMatchObject({
      name: 'document.ingest',
      data: {
        payload: content,
        traceparent: expect.stringContaining('0af7651916cd43dd8448eb211c80319c'),
      },
    });
  });

  test('hands an event to its workspace', async () => {
    const [workspaceId, taskId] = [randomUUID(), randomUUID()];
    await db.transaction({}, async (tx) =>
      outbox.event(tx, workspaceId, 'task.created', { taskId, version: 1 }),
    );
    const [row] = await rows();

    startRelay();
    await emptied();

    expect(published).toEqual([
      { workspaceId, id: row!.id, name: 'task.created', data: { taskId, version: 1 } },
    ]);
  });

  test('is woken by a commit, in its own process or another', async () => {
    startRelay({ pollMs: 60_000 });
    await enqueue();
    await emptied();

    const elsewhere = openDatabase(server);
    await elsewhere.transaction({}, async (tx) => outbox.job(tx, 'document.ingest', payload()));
    await emptied();

    await elsewhere.close();
    expect(await jobs()).toHaveLength(2);
  });

  test('finds a row whose notification was lost', async () => {
    startRelay();
    await execute(
      server,
      'migrator',
      `insert into app.outbox (id, kind, name, payload)
       values (gen_random_uuid(), 'job', 'document.ingest', '${JSON.stringify(payload())}')`,
    );

    await emptied();

    expect(await jobs()).toHaveLength(1);
  });

  test('that dies between the queue and the deletion adds no second job', async () => {
    let crashes = 0;
    const crashing = Object.create(queues, {
      addMany: {
        value: async (batch: Parameters<JobQueues['addMany']>[0]) => {
          await queues.addMany(batch);
          if ((crashes += 1) > 1) return;
          await execute(
            server,
            'admin',
            `select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'platform-test' and pid <> pg_backend_pid()
               and state like 'idle in transaction%' and datname = current_database()`,
          );
        },
      },
    }) as JobQueues;
    await enqueue();

    startRelay({ queues: crashing });
    await emptied();

    expect(crashes).toBe(2);
    expect(await jobs()).toHaveLength(1);
  });

  test('is not held up by a row that cannot be delivered', async () => {
    await execute(
      server,
      'migrator',
      `insert into app.outbox (id, kind, name, payload)
       values ('00000000-0000-7000-8000-000000000001', 'job', 'document.ingest', '{"evil": true}'),
              ('00000000-0000-7000-8000-000000000002', 'event', 'task.created', '{}')`,
    );
    await Promise.all([enqueue(), enqueue()]);

    startRelay();
    await waitFor(async () => (await rows()).length === 2, { what: 'the good rows to go' });

    expect(await jobs()).toHaveLength(2);
    expect((await rows()).map((row) => row.name)).toEqual(['document.ingest', 'task.created']);
  });

  test('leaves a name that it does not know to the release that does', async () => {
    await execute(
      server,
      'migrator',
      `insert into app.outbox (id, kind, name, payload)
       values ('00000000-0000-7000-8000-000000000003', 'job', 'document.translate', '{}')`,
    );
    await enqueue();

    startRelay();
    await waitFor(async () => (await jobs()).length === 1);

    expect(await rows()).toMatchObject([{ name: 'document.translate' }]);
  });

  test('shares the rows with others, each handed on once', async () => {
    const handed: string[] = [];
    const publishEvent: OutboxRelayOptions['publishEvent'] = async (_workspaceId, id) => {
      handed.push(id);
    };
    await db.transaction({}, async (tx) => {
      const workspaceId = randomUUID();
      for (let count = 0; count < 250; count += 1) {
        outbox.event(tx, workspaceId, 'task.deleted', { taskId: randomUUID() });
      }
    });

    const others = [openDatabase(server), openDatabase(server)];
    startRelay({ publishEvent });
    for (const database of others) startRelay({ publishEvent, database });
    await emptied();

    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await Promise.all(others.map((database) => database.close()));
    expect(handed).toHaveLength(250);
    expect(new Set(handed).size).toBe(250);
  });

  test('keeps rows while Redis is gone, shows how long, and goes on when it is back', async () => {
    const proxy = await startTcpProxy(redis.queueUrl('api'));
    const cutOff = new JobQueues({ ...connection, url: proxy.url });
    proxy.cut();
    await enqueue();
    await enqueue();

    startRelay({ queues: cutOff });
    await waitFor(async () => ((await outboxLag.get()).values[0]?.value ?? 0) > 0.2, {
      what: 'the lag to show',
    });
    expect(await rows()).toHaveLength(2);
    proxy.restore();
    await emptied();

    expect(await jobs()).toHaveLength(2);
    await waitFor(async () => (await outboxLag.get()).values[0]?.value === 0);
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await cutOff.close();
    await proxy.close();
  });

  test('survives the loss of every database connection', async () => {
    startRelay();
    await execute(
      server,
      'admin',
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'platform-test' and pid <> pg_backend_pid()
         and datname = current_database()`,
    );

    await waitFor(() => enqueue().then(() => true));
    await emptied();

    expect(await jobs()).toHaveLength(1);
  });
});
