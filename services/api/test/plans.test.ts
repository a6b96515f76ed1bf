import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ListTasks } from '@capstone/contracts/tasks';
import { Database, type Queryable } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { createTestDatabase, type TestDatabase } from '@capstone/testing/database';
import { findTask, listTasks } from '../src/tasks/tasks.repository.js';

/** Of 8 KiB, all in memory: some milliseconds. A page of a label reads each of its 2,000 tasks. */
const mostBlocks = 10_000;
const workspaceId = randomUUID();
const assigneeId = randomUUID();
let database: TestDatabase;
let db: Database;
let admin: Database;

beforeAll(async () => {
  database = await createTestDatabase('app');
  db = connect('api');
  admin = connect('admin');
  await fill();
}, 60_000);

afterAll(async () => {
  await Promise.all([db.close(), admin.close()]);
  await database.drop();
});

function connect(role: 'api' | 'admin') {
  return new Database({
    url: database.urlFor(role),
    caFile: database.caFile,
    poolSize: 1,
    pipelines: 1,
    statementTimeoutMs: 60_000,
    applicationName: 'test',
    logger: createLogger({ service: 'test', level: 'fatal' }),
  });
}

/** 100,000 tasks in one workspace, 100 of them of one assignee, and a neighbour with as many. */
async function fill() {
  for (const workspace of [workspaceId, randomUUID()]) {
    await admin.unscoped.query(
      'fill_tasks',
      `insert into app.tasks
         (workspace_id, id, title, description, status, priority, labels, assignee_id, due_at, created_at, created_by)
       select $1, gen_random_uuid(), 'Task ' || n, 'Text ' || n, (array['todo', 'doing', 'done'])[1 + abs(hashint4(n * 1)) % 3],
         (array['low', 'normal', 'high', 'urgent'])[1 + abs(hashint4(n * 2)) % 4], array['label-' || abs(hashint4(n * 3)) % 50],
         case when abs(hashint4(n * 4)) % 1000 = 0 then $2::uuid end,
         case when abs(hashint4(n * 5)) % 2 = 0 then now() + n * interval '1 minute' end, now() - n * interval '1 second', $1
       from generate_series(1, 100000) as n`,
      [workspace, assigneeId],
    );
  }
  await admin.unscoped.query(
    'fill_labels',
    `insert into app.task_labels (workspace_id, label, task_id)
     select workspace_id, label, id from app.tasks cross join unnest(labels) as label`,
  );
  await admin.unscoped.query('analyze', 'analyze app.tasks, app.task_labels');
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

let explained = 0;

/** Runs what a repository function would, under EXPLAIN. */
async function planOf(run: (db: Queryable) => Promise<unknown>) {
  let plan: PlanNode | undefined;
  await run({
    query: async (_name, text, values) => {
      const [row] = await db
        .read({ workspaceId })
        .query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
          `explain ${(explained += 1)}`,
          `explain (analyze, buffers, timing off, format json) ${text}`,
          values,
        );
      plan = row!['QUERY PLAN'][0]!.Plan;
      return [];
    },
  });
  const blocks = plan!['Shared Hit Blocks'] + plan!['Shared Read Blocks'];
  return { scans: scansOf(plan!), blocks };
}

function scansOf(node: PlanNode): string[] {
  const own = node['Relation Name'] ? [`${node['Node Type']} ${node['Relation Name']}`] : [];
  return [...own, ...(node.Plans ?? []).flatMap(scansOf)];
}

const filters = [
  {},
  { status: 'done' },
  { priority: 'urgent' },
  { status: 'todo', priority: 'low' },
  { label: 'label-7' },
  { label: 'label-7', status: 'done' },
  { assigneeId },
  { dueBefore: '2036-01-01T00:00:00Z' },
];
const sorts = ['createdAt', '-createdAt', 'dueAt', '-dueAt', 'priority', '-priority'];
const lists = sorts.flatMap((sort) => filters.map((filter) => ({ sort, ...filter })));

describe('among 100,000 tasks', () => {
  test.each(lists)('a page of $sort with %j is found by an index', async (query) => {
    const list = { ...ListTasks.parse(query), after: undefined };

    const { scans, blocks } = await planOf((queryable) => listTasks(queryable, workspaceId, list));

    expect(scans.join()).not.toContain('Seq Scan');
    expect(blocks).toBeLessThan(mostBlocks);
  });

  test.each(sorts)('a page of %s far behind the first reads no page before it', async (sort) => {
    const far = new Date(Date.now() + (sort.includes('dueAt') ? 1 : -1) * 50_000_000).toISOString();
    const after = [sort.includes('priority') ? 2 : far, randomUUID()] as const;
    const list = { ...ListTasks.parse({ sort }), after };

    const { blocks } = await planOf((queryable) => listTasks(queryable, workspaceId, list));

    expect(blocks).toBeLessThan(100);
  });

  test('one by its id is found by the primary key', async () => {
    const { scans, blocks } = await planOf((queryable) =>
      findTask(queryable, workspaceId, randomUUID()),
    );

    expect(scans).toEqual(['Index Scan tasks']);
    expect(blocks).toBeLessThan(10);
  });
});
