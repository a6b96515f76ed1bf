import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { Health } from '@capstone/platform/health';
import { startTcpProxy } from '@capstone/testing/tcp-proxy';
import { waitFor } from '@capstone/testing/wait-for';
import { TestWorkers } from './worker-app.js';
import { longText, type TestWorkspace } from './workspace.js';

let workers: TestWorkers;
afterEach(() => workers.close());

async function prepare(settings?: Record<string, string>): Promise<TestWorkspace> {
  workers = await TestWorkers.prepare(settings);
  return workers.newWorkspace();
}

describe('the reaper', () => {
  test('finds a version whose job was lost before anybody claimed it', async () => {
    const workspace = await prepare();
    const id = await workspace.store();
    await workers.start();

    await workspace.becomes('ready', id);
  });

  test.each(['extracting', 'chunking'] as const)(
    'takes up what a worker left in %s when its lease has run out',
    async (status) => {
      const workspace = await prepare();
      const id = await workspace.store();
      await abandon(id, status);
      await workers.start();

      const version = await workspace.becomes('ready', id);
      expect(version.attempt).toBe(2);
    },
  );

  test('leaves alone what another worker holds', async () => {
    const workspace = await prepare();
    const held = await workspace.store();
    const control = await workspace.store();
    await abandon(held, 'extracting', { expiresInMs: 60_000 });
    await workers.start();

    await workspace.becomes('ready', control);
    expect(await workspace.version(held)).toMatchObject({ status: 'extracting', attempt: 1 });
  });

  test('queues each abandoned version once, however many workers look', async () => {
    const workspace = await prepare({ INGESTION_LEASE_MS: '30000' });
    const id = await workspace.store();
    await abandon(id, 'extracting');
    const held = await workers.hold('app.document_texts');
    await Promise.all([workers.start(), workers.start(), workers.start()]);

    await held.reached();
    const { documents } = await workers.queues.counts();
    await held.release();

    expect((documents!.waiting ?? 0) + (documents!.active ?? 0)).toBe(1);
    expect(await workspace.becomes('ready', id)).toMatchObject({ attempt: 2 });
  });

  test('clears what a dead worker left of a cancelled version', async () => {
    const workspace = await prepare();
    const id = await workspace.store();
    await abandon(id, 'extracting');
    await workspace.cancel(id);
    await workers.start();

    await waitFor(async () => (await workspace.version(id))?.leaseUntil === null);
    expect(await workspace.version(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
  });

  test('sees to a purge whose job was lost', async () => {
    const workspace = await prepare();
    const id = await workspace.store();
    await workspace.markDeleted(id, { purgeDueInMs: 0 });
    await workers.start();

    await waitFor(async () => (await workers.rowsOf(id)).documents === 0);
    expect(new Set(Object.values(await workers.rowsOf(id)))).toEqual(new Set([0]));
  });

  test('is shown ids only, and the service role sees no other workspace by itself', async () => {
    const workspace = await prepare();
    await workspace.store();

    const rows = await workers.api.unscoped.query('test.count', 'select id from app.documents');

    expect(rows).toEqual([]);
    await expect(
      workers.api.unscoped.query('test.list', `select app.list_abandoned_versions('0 s', 10)`),
    ).rejects.toThrow('42501');
  });
});

describe('a worker that stops', () => {
  test('hands on what it works on at once, not when the lease runs out', async () => {
    const workspace = await prepare({ SHUTDOWN_TIMEOUT_MS: '400', INGESTION_LEASE_MS: '60000' });
    const first = await workers.start();
    const held = await workers.hold('search.embedding_models');
    const id = await workspace.submit({ content: longText(3_000) });
    await held.reached();

    const stopped = workers.stop(first);
    await held.release();
    await stopped;
    expect(await workspace.version(id)).toMatchObject({ status: 'embedding', leaseHolder: null });
    await workers.start();

    expect(await workspace.becomes('ready', id)).toMatchObject({ attempt: 2 });
  });
});

describe('readiness', () => {
  test.each(['database', 'queue'] as const)(
    'ends with the %s and comes back with it',
    async (name) => {
      workers = await TestWorkers.prepare();
      const key = { database: 'DATABASE_URL', queue: 'REDIS_QUEUE_URL' }[name];
      const proxy = await startTcpProxy(workers.env[key]!);
      onTestFinished(() => proxy.close());
      const health = new Health({ cacheMs: 0 });
      await workers.start({ health, env: { [key]: proxy.url } });
      health.open();
      const checks = { database: 'ok', queue: 'ok', certificate: 'ok' };
      expect(await health.readiness()).toEqual({ ready: true, checks });

      proxy.cut();
      expect(await health.readiness()).toEqual({
        ready: false,
        checks: { ...checks, [name]: 'failing' },
      });

      proxy.restore();
      await waitFor(async () => (await health.readiness()).ready, { what: 'readiness' });
    },
  );
});

/** As a worker leaves a version that is killed in `status`. */
async function abandon(id: string, status: string, { expiresInMs = -1 } = {}) {
  await workers.admin.unscoped.query(
    'test.abandon',
    `with version as (
       update app.document_versions
       set status = $2, attempt = 1, lease_holder = gen_random_uuid(),
           lease_until = now() + $3 * interval '1 millisecond'
       where document_id = $1
       returning workspace_id, document_id, version
     )
     insert into app.document_texts (workspace_id, document_id, version, content, blocks)
     select workspace_id, document_id, version, 'A short text about foxes.',
       '[{"kind":"paragraph","start":0,"end":25}]'::jsonb
     from version
     where $2 <> 'extracting'`,
    [id, status, expiresInMs],
  );
}
