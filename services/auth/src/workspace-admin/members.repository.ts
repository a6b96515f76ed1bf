import type { Role } from '@capstone/contracts/permissions';
import type { Member } from '@capstone/contracts/workspaces';
import type { Queryable, Transaction } from '@capstone/platform/database';

const columns = `users.id as "userId", users.email, users.name, memberships.role,
       auth.rfc3339(memberships.created_at) as "joinedAt"
       from auth.memberships
       join auth.users on users.id = memberships.user_id`;

export async function listMembers(
  db: Queryable,
  workspaceId: string,
  { after, limit }: { after: string; limit: number },
): Promise<Member[]> {
  return db.query<Member>(
    'list_members',
    `select ${columns}
      where memberships.workspace_id = $1
        and memberships.user_id > $2
      order by memberships.user_id
      limit $3`,
    [workspaceId, after, limit],
  );
}

export async function findMember(
  db: Queryable,
  workspaceId: string,
  userId: string,
): Promise<Member | undefined> {
  const [member] = await db.query<Member>(
    'find_member',
    `select ${columns}
      where memberships.workspace_id = $1 and memberships.user_id = $2`,
    [workspaceId, userId],
  );
  return member;
}

/** Only under the lock of the workspace does the number stay true. */
export async function countOwners(tx: Transaction, workspaceId: string): Promise<number> {
  const [counted] = await tx.query<{ owners: number }>(
    'count_owners',
    `select count(*)::int as owners
       from auth.memberships
      where workspace_id = $1 and role = 'owner'`,
    [workspaceId],
  );
  return counted!.owners;
}

/** The epoch from which on tokens say the new role. It never goes back, not even when the clock does. */
export async function updateRole(
  tx: Transaction,
  workspaceId: string,
  userId: string,
  role: Role,
): Promise<number> {
  const [updated] = await tx.query<{ epoch: number }>(
    'update_role',
    `update auth.memberships
        set role = $3,
            epoch = greatest(epoch + 1, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
      where workspace_id = $1 and user_id = $2
     returning epoch`,
    [workspaceId, userId, role],
  );
  return updated!.epoch;
}

/** The epoch from which on a token of theirs could count again. */
export async function deleteMembership(
  tx: Transaction,
  workspaceId: string,
  userId: string,
): Promise<number> {
  const [deleted] = await tx.query<{ epoch: number }>(
    'delete_membership',
    `delete from auth.memberships
      where workspace_id = $1 and user_id = $2
     returning epoch + 1 as epoch`,
    [workspaceId, userId],
  );
  return deleted!.epoch;
}
