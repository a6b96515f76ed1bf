import type { Role } from '@capstone/contracts/permissions';
import type { Invitation } from '@capstone/contracts/workspaces';
import type { Queryable, Transaction } from '@capstone/platform/database';

const columns = `id, email, role, invited_by as "invitedBy",
       auth.rfc3339(created_at) as "createdAt", auth.rfc3339(expires_at) as "expiresAt"`;

/** What a token stands for. */
export interface OpenInvitation {
  readonly workspaceId: string;
  readonly id: string;
  readonly email: string;
  readonly role: Role;
}

/** The pending one of the same address goes, and its token with it. */
export async function replaceInvitation(
  tx: Transaction,
  workspaceId: string,
  invitation: {
    id: string;
    email: string;
    role: Role;
    tokenHash: Buffer;
    invitedBy: string;
    lifetimeSeconds: number;
  },
): Promise<Invitation> {
  await tx.query(
    'delete_invitation_of_address',
    `delete from auth.invitations where workspace_id = $1 and email = $2`,
    [workspaceId, invitation.email],
  );
  const [inserted] = await tx.query<Invitation>(
    'insert_invitation',
    `insert into auth.invitations
       (workspace_id, id, email, role, token_hash, invited_by, expires_at)
     values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
     returning ${columns}`,
    [
      workspaceId,
      invitation.id,
      invitation.email,
      invitation.role,
      invitation.tokenHash,
      invitation.invitedBy,
      invitation.lifetimeSeconds,
    ],
  );
  return inserted!;
}

export async function isMemberAddress(
  tx: Transaction,
  workspaceId: string,
  email: string,
): Promise<boolean> {
  const found = await tx.query(
    'find_member_address',
    `select memberships.user_id
       from auth.memberships
       join auth.users on users.id = memberships.user_id
      where memberships.workspace_id = $1 and users.email = $2`,
    [workspaceId, email],
  );
  return found.length > 0;
}

export async function listInvitations(
  db: Queryable,
  workspaceId: string,
  { after, limit }: { after: string; limit: number },
): Promise<Invitation[]> {
  return db.query<Invitation>(
    'list_invitations',
    `select ${columns}
       from auth.invitations
      where workspace_id = $1
        and id > $2
        and expires_at > now()
      order by id
      limit $3`,
    [workspaceId, after, limit],
  );
}

/** Of any number of callers one gets true. */
export async function deleteInvitation(
  tx: Transaction,
  workspaceId: string,
  id: string,
): Promise<boolean> {
  const deleted = await tx.query(
    'delete_invitation',
    `delete from auth.invitations
      where workspace_id = $1 and id = $2
     returning id`,
    [workspaceId, id],
  );
  return deleted.length > 0;
}

/** Looks across workspaces: see the migration. */
export async function findInvitation(
  db: Queryable,
  tokenHash: Buffer,
): Promise<OpenInvitation | undefined> {
  const [invitation] = await db.query<OpenInvitation>(
    'find_invitation',
    `select workspace_id as "workspaceId", id, email, role
       from auth.find_invitation($1)`,
    [tokenHash],
  );
  return invitation;
}

/** Who is a member already keeps the role they have. */
export async function insertMembership(
  tx: Transaction,
  member: { workspaceId: string; userId: string; role: Role },
): Promise<void> {
  await tx.query(
    'insert_membership',
    `insert into auth.memberships (workspace_id, user_id, role)
     values ($1, $2, $3)
     on conflict (workspace_id, user_id) do nothing`,
    [member.workspaceId, member.userId, member.role],
  );
}
