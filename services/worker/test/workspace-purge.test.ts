import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { waitFor } from '@capstone/testing/wait-for';
import { FakeAuth } from './fake-auth.js';
import { TestWorkers } from './worker-app.js';

let auth: FakeAuth;
let workers: TestWorkers;
beforeAll(async () => {
  auth = await FakeAuth.start();
  workers = await TestWorkers.prepare({ AUTH_GRPC_TARGET: auth.target });
  await workers.start();
});
afterAll(async () => {
  await workers.close();
  auth.stop();
});

const purge = (workspaceId: string) =>
  workers.queues.add('workspace.purge', { workspaceId }, { id: uuidv7() });

/** A workspace with something in every table. */
async function fullWorkspace() {
  const workspace = workers.newWorkspace();
  const { workspaceId } = workspace;
  const documentId = await workspace.submit({ content: 'The quick brown fox jumps.' });
  await workspace.becomes('ready', documentId);
  await workspace.answer([documentId]);
  await workers.admin.unscoped.query(
    'test.fill_tasks',
    `insert into app.tasks
       (workspace_id, id, title, description, status, priority, labels, created_by)
     select $1, gen_random_uuid(), 'A task', '', 'todo', 'normal', '{a}', gen_random_uuid()
       from generate_series(1, 2500)`,
    [workspaceId],
  );
  await workers.admin.unscoped.query(
    'test.fill_keys',
    `insert into app.idempotency_keys (workspace_id, user_id, route, key, fingerprint, result)
     values ($1, gen_random_uuid(), 'POST /x', 'k', sha256('x'), '{}')`,
    [workspaceId],
  );
  return workspace;
}

/** Rows of the workspace in every table that has one, the mark of its end apart. */
async function rowsOf(workspaceId: string): Promise<Record<string, number>> {
  const tables = await workers.admin.unscoped.query<{ name: string }>(
    'test.tables',
    `select format('%I.%I', table_schema, table_name) as name
       from information_schema.columns
      where column_name = 'workspace_id'
        and table_schema in ('app', 'search')
        and table_name <> 'deleted_workspaces'
      order by 1`,
  );
  const counted = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await workers.admin.unscoped.query<{ count: number }>(
        `test.count_${name}`,
        `select count(*)::int as count from ${name} where workspace_id = $1`,
        [workspaceId],
      );
      return [name, row!.count] as const;
    }),
  );
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}

describe('workspace.purge', () => {
  test('removes every row of the workspace in every table, and no row of another', async () => {
    const [gone, stays] = [await fullWorkspace(), await fullWorkspace()];
    const before = await rowsOf(stays.workspaceId);
    expect(Object.keys(await rowsOf(gone.workspaceId))).toEqual(
      expect.arrayContaining([
        'app.tasks',
        'app.documents',
        'app.ask_runs',
        'search.chunks',
        'search.chunk_embeddings',
        'search.chunk_terms',
        'search.term_stats',
        'search.workspace_stats',
      ]),
    );
    auth.due.add(gone.workspaceId);

    await purge(gone.workspaceId);

    const completed = () => auth.completed.includes(gone.workspaceId);
    await waitFor(completed, { timeoutMs: 20_000, what: 'the purge' });
    expect(await rowsOf(gone.workspaceId)).toEqual({});
    expect(await rowsOf(stays.workspaceId)).toEqual(before);
  });

  test('a second time changes nothing and says the same', async () => {
    const { workspaceId } = workers.newWorkspace();
    auth.due.add(workspaceId);

    await purge(workspaceId);
    await purge(workspaceId);

    await waitFor(() => auth.completed.filter((id) => id === workspaceId).length === 2);
  });

  test('that auth knows nothing of removes nothing: a forged job does no harm', async () => {
    const workspace = await fullWorkspace();
    const marker = workers.newWorkspace();
    auth.due.add(marker.workspaceId);

    await purge(workspace.workspaceId);
    await purge(marker.workspaceId);

    await waitFor(() => auth.completed.includes(marker.workspaceId), { what: 'the job behind it' });
    expect(auth.completed).not.toContain(workspace.workspaceId);
    expect(await rowsOf(workspace.workspaceId)).toHaveProperty(['app.tasks'], 2500);
  });

  test('needs the mark: without it the worker may not remove a task', async () => {
    const { workspaceId } = await fullWorkspace();
    const asWorker = new Database({
      url: workers.database.urlFor('worker'),
      caFile: workers.database.caFile,
      poolSize: 1,
      pipelines: 1,
      statementTimeoutMs: 5_000,
      applicationName: 'test',
      logger: createLogger({ service: 'test', level: 'silent' }),
    });

    const removed = await asWorker.transaction({ workspaceId }, (tx) =>
      tx.query('test.remove_tasks', 'delete from app.tasks where workspace_id = $1 returning id', [
        workspaceId,
      ]),
    );

    await asWorker.close();
    expect(removed).toEqual([]);
  });
});
