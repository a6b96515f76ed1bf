import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { rowSecurityFaults, serviceRoleFaults } from '@capstone/testing/catalog';
import { createTestDatabase, type TestDatabase } from '@capstone/testing/database';
import { deleteExpiredRuns } from '../src/ask/ask.repository.js';
import { deleteExpiredResults } from '../src/http/idempotency.repository.js';

let database: TestDatabase;
let db: Database;
let migrator: Database;
beforeAll(async () => {
  database = await createTestDatabase('app');
  db = connect('api');
  migrator = connect('migrator');
});
afterAll(async () => {
  await Promise.all([db.close(), migrator.close()]);
  await database.drop();
});

/** One connection of each kind, so that every query here follows another tenant's. */
function connect(role: 'api' | 'migrator') {
  return new Database({
    url: database.urlFor(role),
    caFile: database.caFile,
    poolSize: 1,
    pipelines: 1,
    statementTimeoutMs: 5_000,
    applicationName: 'test',
    logger: createLogger({ service: 'test', level: 'fatal' }),
  });
}

const tables = [
  'app.tasks',
  'app.task_labels',
  'app.idempotency_keys',
  'app.documents',
  'app.document_versions',
  'app.document_originals',
  'search.document_attributes',
  'app.corpus_versions',
  'app.ask_runs',
  'app.ask_sources',
  'app.ask_citations',
  'app.usage_ledger',
];

async function fill(workspaceId: string) {
  const scope = { workspaceId };
  const id = uuidv7();
  await db.transaction(scope, async (tx) => {
    await tx.query(
      'fill_tasks',
      `insert into app.tasks (workspace_id, id, title, description, status, priority, labels, created_by)
       values ($1, $2, 'x', '', 'todo', 'low', '{a}', $2)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_labels',
      `insert into app.task_labels (workspace_id, label, task_id) values ($1, 'a', $2)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_documents',
      `insert into app.documents (workspace_id, id, title, created_by) values ($1, $2, 'x', $2)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_versions',
      `insert into app.document_versions (workspace_id, document_id, version, sha256, content_type, bytes)
       values ($1, $2, 1, sha256('x'), 'text/plain', 1)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_originals',
      `insert into app.document_originals (workspace_id, document_id, version, content)
       values ($1, $2, 1, 'x')`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_attributes',
      `insert into search.document_attributes (workspace_id, document_id, key, number_value)
       values ($1, $2, 'a', 1)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_corpus',
      `update app.documents set title = 'y' where workspace_id = $1 and id = $2`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_runs',
      `insert into app.ask_runs (
         workspace_id, id, user_id, question, fingerprint, corpus_version, provider, model)
       values ($1, $2, $2, 'x', sha256('x'), 1, 'extractive', 'extractive')`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_sources',
      `insert into app.ask_sources (workspace_id, run_id, document_id) values ($1, $2, $2)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_citations',
      `insert into app.ask_citations (
         workspace_id, run_id, place, document_id, chunk_id, char_start, char_end, quote, answer_start, answer_end)
       values ($1, $2, 1, $2, 'x', 0, 1, 'x', 0, 1)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_ledger',
      `insert into app.usage_ledger (
         workspace_id, id, user_id, run_id, provider, model, operation, input_tokens, output_tokens, cached_tokens,
         estimated, duration_ms)
       values ($1, $2, $2, $2, 'openai', 'x', 'answer', 1, 1, 0, false, 1)`,
      [workspaceId, id],
    );
    await tx.query(
      'fill_keys',
      `insert into app.idempotency_keys (workspace_id, user_id, route, key, fingerprint, result)
       values ($1, $2, 'POST /x', 'k', sha256('x'), '{}')`,
      [workspaceId, id],
    );
  });
}

/** Without a predicate of its own: only the policy stands between the rows and the reader. */
const countSql = (table: string) => `select count(*)::int as count from ${table}`;

describe('the database', () => {
  test('guards every table that has a workspace', async () => {
    expect(await rowSecurityFaults(database)).toEqual([]);
  });

  test.each(['api', 'worker'] as const)('gives %s nothing beyond its needs', async (service) => {
    expect(await serviceRoleFaults(database, service)).toEqual([]);
  });

  test.each(tables)(
    'shows of %s only the workspace of the scope, on a connection in turn',
    async (table) => {
      const [mine, theirs] = [uuidv7(), uuidv7()];
      await fill(mine);
      await fill(theirs);
      const name = `count_${table}`;
      const count = async (workspaceId?: string) => {
        const scope = workspaceId === undefined ? {} : { workspaceId };
        const [read] = await db.read(scope).query<{ count: number }>(name, countSql(table));
        const [transacted] = await db.transaction(scope, (tx) =>
          tx.query<{ count: number }>(name, countSql(table)),
        );
        return [read?.count, transacted?.count];
      };

      expect(await count(mine)).toEqual([1, 1]);
      expect(await count()).toEqual([0, 0]);
      expect(await count(theirs)).toEqual([1, 1]);
      expect(await count(uuidv7())).toEqual([0, 0]);
      const [unscoped] = await db.unscoped.query<{ count: number }>(name, countSql(table));
      expect(unscoped?.count).toBe(0);
    },
  );

  test('lets nobody write into another workspace', async () => {
    const [mine, theirs] = [uuidv7(), uuidv7()];
    await fill(theirs);

    const insert = () =>
      db.transaction({ workspaceId: mine }, (tx) =>
        tx.query(
          'smuggle',
          `insert into app.tasks (workspace_id, id, title, description, status, priority, labels, created_by)
           values ($1, $2, 'x', '', 'todo', 'low', '{}', $2)`,
          [theirs, uuidv7()],
        ),
      );
    await expect(insert()).rejects.toMatchObject({ sqlState: '42501' });

    const moved = await db.transaction({ workspaceId: mine }, (tx) =>
      tx.query('move', `update app.tasks set workspace_id = $1 returning id`, [mine]),
    );
    expect(moved).toEqual([]);
  });

  test('forgets idempotency keys after 24 hours, of all workspaces, and no others', async () => {
    const [old, young] = [uuidv7(), uuidv7()];
    await fill(old);
    await fill(young);
    await migrator.transaction({ workspaceId: old }, async (tx) => {
      await tx.query('age', 'alter table app.idempotency_keys no force row level security');
      await tx.query(
        'age_2',
        `update app.idempotency_keys set created_at = now() - interval '25 hours' where workspace_id = $1`,
        [old],
      );
      await tx.query('age_3', 'alter table app.idempotency_keys force row level security');
    });

    expect(await deleteExpiredResults(db.unscoped, 100)).toBe(1);

    const left = async (workspaceId: string) =>
      (await db.read({ workspaceId }).query('left', 'select key from app.idempotency_keys')).length;
    expect([await left(old), await left(young)]).toEqual([0, 1]);
  });

  test('forgets answers after 30 days, with all that hangs on them, and no others', async () => {
    const [old, young] = [uuidv7(), uuidv7()];
    await fill(old);
    await fill(young);
    await db.transaction({ workspaceId: old }, (tx) =>
      tx.query(
        'age_run',
        `update app.ask_runs set started_at = now() - interval '31 days' where workspace_id = $1`,
        [old],
      ),
    );

    expect(await deleteExpiredRuns(db.unscoped, 100)).toBe(1);

    const left = async (workspaceId: string) =>
      (
        await db
          .read({ workspaceId })
          .query('left_citations', 'select place from app.ask_citations')
      ).length;
    expect([await left(old), await left(young)]).toEqual([0, 1]);
    const [ledger] = await db
      .read({ workspaceId: old })
      .query<{ count: number }>(
        'left_ledger',
        'select count(*)::int as count from app.usage_ledger',
      );
    expect(ledger!.count).toBe(1);
  });
});
