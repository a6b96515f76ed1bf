import type { Queryable, Transaction } from '@capstone/platform/database';

/** Looks across workspaces: see the migration. */
export async function listDueDeletions(
  db: Queryable,
  { againAfterSeconds, limit }: { againAfterSeconds: number; limit: number },
): Promise<string[]> {
  const due = await db.query<{ workspaceId: string }>(
    'list_due_deletions',
    `select workspace_id as "workspaceId"
       from auth.list_due_deletions(make_interval(secs => $1), $2)`,
    [againAfterSeconds, limit],
  );
  return due.map(({ workspaceId }) => workspaceId);
}

/** Of several processes one gets true. */
export async function takeDueDeletion(
  tx: Transaction,
  workspaceId: string,
  againAfterSeconds: number,
): Promise<boolean> {
  const taken = await tx.query(
    'take_due_deletion',
    `update auth.workspaces
        set deletion_queued_at = now()
      where id = $1
        and deletion_due_at <= now()
        and (deletion_queued_at is null
             or deletion_queued_at < now() - make_interval(secs => $2))
     returning id`,
    [workspaceId, againAfterSeconds],
  );
  return taken.length > 0;
}

export async function isDeletionDue(db: Queryable, workspaceId: string): Promise<boolean> {
  const due = await db.query(
    'is_deletion_due',
    `select id from auth.workspaces where id = $1 and deletion_due_at <= now()`,
    [workspaceId],
  );
  return due.length > 0;
}

/** Members, invitations, sessions and API keys go with it, by cascade. False when it is not due, or gone already. */
export async function deleteDueWorkspace(tx: Transaction, workspaceId: string): Promise<boolean> {
  const deleted = await tx.query(
    'delete_due_workspace',
    `delete from auth.workspaces
      where id = $1 and deletion_due_at <= now()
     returning id`,
    [workspaceId],
  );
  return deleted.length > 0;
}
