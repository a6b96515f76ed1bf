import type { Workspace } from '@capstone/contracts/workspaces';
import type { Queryable, Transaction } from '@capstone/platform/database';

const columns = `workspaces.id, workspaces.name, memberships.role,
       workspaces.personal_of is not null as personal,
       workspaces.version,
       auth.rfc3339(workspaces.created_at) as "createdAt",
       auth.rfc3339(workspaces.deletion_due_at) as "deletionDueAt"`;

/** Who sees it, and where. */
export interface View {
  readonly userId: string;
  readonly workspaceId: string;
}

export interface LockedWorkspace {
  readonly version: number;
  readonly personal: boolean;
  /** Not being deleted. */
  readonly isOpen: boolean;
}

export async function insertWorkspace(
  tx: Transaction,
  { workspaceId, userId, name }: View & { name: string },
): Promise<void> {
  await tx.query(
    'insert_workspace',
    `with workspace as (
       insert into auth.workspaces (id, name) values ($1, $2) returning id
     )
     insert into auth.memberships (workspace_id, user_id, role)
     select id, $3, 'owner' from workspace`,
    [workspaceId, name, userId],
  );
}

/** As one of its members sees it, also while it is being deleted. */
export async function findWorkspace(
  db: Queryable,
  { userId, workspaceId }: View,
): Promise<Workspace | undefined> {
  const [workspace] = await db.query<Workspace>(
    'find_workspace',
    `select ${columns}
       from auth.workspaces
       join auth.memberships on memberships.workspace_id = workspaces.id
      where workspaces.id = $2 and memberships.user_id = $1`,
    [userId, workspaceId],
  );
  return workspace;
}

export async function listWorkspaces(
  db: Queryable,
  userId: string,
  { after, limit }: { after: string; limit: number },
): Promise<Workspace[]> {
  return db.query<Workspace>(
    'list_workspaces',
    `select ${columns}
       from auth.workspaces
       join auth.memberships on memberships.workspace_id = workspaces.id
      where memberships.user_id = $1
        and workspaces.id > $2
      order by workspaces.id
      limit $3`,
    [userId, after, limit],
  );
}

/**
 * Held until the transaction ends: roles, members and the end of one workspace change one after the other, so what was
 * counted stays true.
 */
export async function lockWorkspace(
  tx: Transaction,
  workspaceId: string,
): Promise<LockedWorkspace | undefined> {
  const [locked] = await tx.query<LockedWorkspace>(
    'lock_workspace',
    `select version, personal_of is not null as personal, deletion_due_at is null as "isOpen"
       from auth.workspaces
      where id = $1
        for no key update`,
    [workspaceId],
  );
  return locked;
}

export async function renameWorkspace(
  tx: Transaction,
  workspaceId: string,
  name: string,
): Promise<void> {
  await tx.query(
    'rename_workspace',
    `update auth.workspaces
        set name = $2, version = version + 1
      where id = $1 and name <> $2`,
    [workspaceId, name],
  );
}

export async function scheduleDeletion(
  tx: Transaction,
  workspaceId: string,
  graceSeconds: number,
): Promise<void> {
  await tx.query(
    'schedule_deletion',
    `update auth.workspaces
        set deletion_due_at = now() + make_interval(secs => $2), version = version + 1
      where id = $1 and deletion_due_at is null`,
    [workspaceId, graceSeconds],
  );
}

/** False when there is nothing to cancel any more: it is not being deleted, or its time has come. */
export async function cancelDeletion(tx: Transaction, workspaceId: string): Promise<boolean> {
  const cancelled = await tx.query(
    'cancel_deletion',
    `update auth.workspaces
        set deletion_due_at = null, version = version + 1
      where id = $1 and deletion_due_at > now()
     returning id`,
    [workspaceId],
  );
  return cancelled.length > 0;
}
