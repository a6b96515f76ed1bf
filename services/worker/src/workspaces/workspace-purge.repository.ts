import type { Transaction } from '@capstone/platform/database';

/** Without this mark row-level security lets nobody remove what a person has not deleted. */
export async function markDeleted(tx: Transaction, workspaceId: string): Promise<void> {
  await tx.query(
    'workspace_purge.mark',
    `insert into app.deleted_workspaces (workspace_id) values ($1) on conflict do nothing`,
    [workspaceId],
  );
}

interface Step {
  readonly name: string;
  readonly text: string;
  readonly rows: number;
}

/**
 * In this order: what refers before what is referred to. Each removes at most `rows` of the workspace $1; what hangs on them
 * goes by cascade, so rows with much behind them go few at a time.
 */
export const steps: readonly Step[] = [
  step('search.revisions', 'id', 5),
  step('search.term_stats', 'lexeme', 5_000),
  step('search.workspace_stats', 'workspace_id', 1),
  step('app.ask_runs', 'id', 500),
  step('app.usage_ledger', 'id', 5_000),
  step('app.documents', 'id', 50),
  step('app.corpus_versions', 'workspace_id', 1),
  step('app.exports', 'id', 1),
  step('app.tasks', 'id', 1_000),
  step('app.idempotency_keys', '(user_id, route, key)', 1_000),
];

/** How many rows went. */
export async function removeSome(
  tx: Transaction,
  workspaceId: string,
  { name, text, rows }: Step,
): Promise<number> {
  const removed = await tx.query(`workspace_purge.${name}`, text, [workspaceId, rows]);
  return removed.length;
}

function step(table: string, key: string, rows: number): Step {
  const columns = key.replaceAll(/[()]/g, '');
  return {
    name: table,
    text: `delete from ${table}
     where workspace_id = $1
       and ${key} in (select ${columns} from ${table} where workspace_id = $1 limit $2)
     returning 1`,
    rows,
  };
}
