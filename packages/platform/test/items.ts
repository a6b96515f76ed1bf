import { Database } from '../src/database.js';
import type { DatabaseOptions, Queryable } from '../src/database.js';
import { createLogger } from '../src/log.js';
import type { TestDatabase } from '@capstone/testing/database';
import { Client } from 'pg';
import { postgresOptions } from '../src/postgres-options.js';

/** Logs go nowhere; what matters of them is asserted where it matters. */
export const silent = createLogger({ service: 'test', level: 'silent' });

/** A Database as the api has it, small enough that every connection is used again and again. */
export function openDatabase(test: TestDatabase, overrides: Partial<DatabaseOptions> = {}) {
  return new Database({
    url: test.urlFor('api'),
    caFile: test.caFile,
    poolSize: 2,
    pipelines: 2,
    statementTimeoutMs: 1_000,
    applicationName: 'platform-test',
    logger: silent,
    ...overrides,
  });
}

/** Statements as the given role, on a connection of their own. */
export async function execute(test: TestDatabase, role: 'admin' | 'migrator', sql: string) {
  const options = { url: test.urlFor(role), caFile: test.caFile, applicationName: 'platform-test' };
  const client = new Client(postgresOptions(options));
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A table with a workspace, guarded as every such table is, and one without. */
export async function createItems(test: TestDatabase) {
  await execute(
    test,
    'migrator',
    `create schema t;
     create table t.items (
       workspace_id uuid not null,
       id integer not null,
       title text not null constraint items_title_check check (title <> ''),
       constraint items_pkey primary key (workspace_id, id)
     );
     alter table t.items enable row level security;
     alter table t.items force row level security;
     create policy items_of_workspace on t.items
       using (workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid))
       with check (workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid));
     create table t.counters (name text primary key, value bigint not null);
     grant usage on schema t to capstone_api;
     grant select, insert, update, delete on t.items, t.counters to capstone_api;`,
  );
}

export interface Item {
  workspaceId: string;
  id: number;
  title: string;
}

/** With no workspace in the where: only row-level security stands between the tenants here. */
export function listItems(db: Queryable) {
  return db.query<Item>(
    'items_list',
    'select workspace_id as "workspaceId", id, title from t.items order by id',
  );
}

export async function insertItem(db: Queryable, { workspaceId, id, title }: Item) {
  await db.query(
    'item_insert',
    'insert into t.items (workspace_id, id, title) values ($1, $2, $3)',
    [workspaceId, id, title],
  );
}
