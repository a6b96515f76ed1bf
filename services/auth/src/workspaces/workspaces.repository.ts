import type { Queryable, Transaction } from '@capstone/platform/database';
import type { Membership } from './membership.js';

const memberships = `workspaces.id, workspaces.name, memberships.role, memberships.epoch
       from auth.memberships
       join auth.workspaces on workspaces.id = memberships.workspace_id`;

export async function insertPersonalWorkspace(
  tx: Transaction,
  workspace: { id: string; name: string; userId: string },
): Promise<void> {
  await tx.query(
    'insert_personal_workspace',
    `with workspace as (
       insert into auth.workspaces (id, name, personal_of)
       values ($1, $2, $3)
       returning id
     )
     insert into auth.memberships (workspace_id, user_id, role)
     select id, $3, 'owner' from workspace`,
    [workspace.id, workspace.name, workspace.userId],
  );
}

/** Undefined too while the workspace is being deleted: nobody goes in any more. */
export async function findMembership(
  db: Queryable,
  userId: string,
  workspaceId: string,
): Promise<Membership | undefined> {
  const [found] = await db.query<Membership>(
    'find_membership',
    `select ${memberships}
      where memberships.user_id = $1 and memberships.workspace_id = $2
        and workspaces.deletion_due_at is null`,
    [userId, workspaceId],
  );
  return found;
}

/** The workspace used last; before the first sign-in the personal one, else the oldest. */
export async function findPreferredMembership(
  db: Queryable,
  userId: string,
): Promise<Membership | undefined> {
  const [found] = await db.query<Membership>(
    'find_preferred_membership',
    `select ${memberships}
      where memberships.user_id = $1
        and workspaces.deletion_due_at is null
      order by memberships.last_used_at desc nulls last,
               workspaces.personal_of = $1 desc nulls last,
               memberships.created_at,
               memberships.workspace_id
      limit 1`,
    [userId],
  );
  return found;
}

export async function touchMembership(
  tx: Transaction,
  userId: string,
  workspaceId: string,
): Promise<void> {
  await tx.query(
    'touch_membership',
    `update auth.memberships
        set last_used_at = now()
      where user_id = $1 and workspace_id = $2`,
    [userId, workspaceId],
  );
}
