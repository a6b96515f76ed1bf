import type { Queryable, Transaction } from '@capstone/platform/database';
import type { Source } from '../source.js';

export type RevokeReason =
  | 'logout'
  | 'refresh-token-reused'
  | 'membership-ended'
  | 'stepped-up'
  | 'password-changed'
  | 'factors-changed'
  | 'switched'
  | 'workspace-deleted'
  | 'ended-by-user';

/** A session that is neither revoked nor at one of its ends. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly workspaceId: string;
  readonly aal: 1 | 2;
  readonly authTimeSeconds: number;
  /** The absolute end. */
  readonly endsAtSeconds: number;
}

const columns = `id, user_id as "userId", workspace_id as "workspaceId", aal,
       floor(extract(epoch from authenticated_at))::bigint as "authTimeSeconds",
       floor(extract(epoch from expires_at))::bigint as "endsAtSeconds"`;

export async function insertSession(
  tx: Transaction,
  session: {
    id: string;
    userId: string;
    workspaceId: string;
    aal: 1 | 2;
    source: Source;
    lifetimeSeconds: number;
  },
): Promise<Session> {
  const [row] = await tx.query<Session>(
    'insert_session',
    `insert into auth.sessions
       (id, user_id, workspace_id, aal, authenticated_at, expires_at, address, user_agent)
     values ($1, $2, $3, $4, now(), now() + make_interval(secs => $5), $6, $7)
     returning ${columns}`,
    [
      session.id,
      session.userId,
      session.workspaceId,
      session.aal,
      session.lifetimeSeconds,
      session.source.address,
      session.source.userAgent,
    ],
  );
  return row!;
}

/** Another session of the same sign-in, in another workspace. */
export async function insertSwitchedSession(
  tx: Transaction,
  from: Session,
  next: Source & { id: string; workspaceId: string },
): Promise<Session> {
  const [row] = await tx.query<Session>(
    'insert_switched_session',
    `insert into auth.sessions
       (id, user_id, workspace_id, aal, authenticated_at, expires_at, address, user_agent)
     select $3, user_id, $4, aal, authenticated_at, expires_at,
            coalesce($5, address), coalesce($6, user_agent)
       from auth.sessions
      where user_id = $1 and id = $2
     returning ${columns}`,
    [from.userId, from.id, next.id, next.workspaceId, next.address, next.userAgent],
  );
  return row!;
}

/** Where it is used from now, for its owner to recognise it. */
export async function touchSession(
  tx: Transaction,
  session: Session,
  { address, userAgent }: Source,
): Promise<void> {
  await tx.query(
    'touch_session',
    `update auth.sessions
        set address = $3, user_agent = $4
      where user_id = $1 and id = $2
        and (address, user_agent) is distinct from ($3, $4)`,
    [session.userId, session.id, address, userAgent],
  );
}

export async function findLiveSession(
  db: Queryable,
  userId: string,
  sessionId: string,
): Promise<Session | undefined> {
  const [session] = await db.query<Session>(
    'find_live_session',
    `select ${columns}
       from auth.sessions
      where user_id = $1 and id = $2
        and revoked_at is null and expires_at > now()
        -- The idle end: a session whose refresh token was left to expire is over, too.
        and exists (
          select from auth.refresh_tokens as tokens
           where tokens.session_id = sessions.id
             and tokens.consumed_at is null and tokens.expires_at > now()
        )`,
    [userId, sessionId],
  );
  return session;
}

/** The same, with its row locked: refreshes and the end of one session happen one after the other. */
export async function lockLiveSession(
  tx: Transaction,
  userId: string,
  sessionId: string,
): Promise<Session | undefined> {
  const [session] = await tx.query<Session>(
    'lock_live_session',
    `select ${columns}
       from auth.sessions
      where user_id = $1 and id = $2
        and revoked_at is null and expires_at > now()
        for no key update`,
    [userId, sessionId],
  );
  return session;
}

export async function revokeSession(
  tx: Transaction,
  userId: string,
  sessionId: string,
  reason: RevokeReason,
): Promise<void> {
  await tx.query(
    'revoke_session',
    `update auth.sessions
        set revoked_at = now(), revoke_reason = $3
      where user_id = $1 and id = $2
        and revoked_at is null`,
    [userId, sessionId, reason],
  );
}

/** The ids of those that were ended by this. */
export async function revokeOtherSessions(
  tx: Transaction,
  kept: { userId: string; sessionId: string; reason: RevokeReason },
): Promise<string[]> {
  const revoked = await tx.query<{ id: string }>(
    'revoke_other_sessions',
    `update auth.sessions
        set revoked_at = now(), revoke_reason = $3
      where user_id = $1 and id <> $2
        and revoked_at is null
     returning id`,
    [kept.userId, kept.sessionId, kept.reason],
  );
  return revoked.map(({ id }) => id);
}

/** Those in a workspace, of one member or of all. The ids of those that were ended by this. */
export async function revokeWorkspaceSessions(
  tx: Transaction,
  which: { workspaceId: string; userId: string | undefined; reason: RevokeReason },
): Promise<string[]> {
  const revoked = await tx.query<{ id: string }>(
    'revoke_workspace_sessions',
    `update auth.sessions
        set revoked_at = now(), revoke_reason = $3
      where workspace_id = $1
        and ($2::uuid is null or user_id = $2)
        and revoked_at is null
     returning id`,
    [which.workspaceId, which.userId ?? null, which.reason],
  );
  return revoked.map(({ id }) => id);
}

/** Sign-in is when a user's old sessions go, their refresh tokens with them: nothing else has the right to see them. */
export async function deleteEndedSessions(tx: Transaction, userId: string): Promise<void> {
  await tx.query(
    'delete_ended_sessions',
    `delete from auth.sessions
      where user_id = $1 and expires_at < now()`,
    [userId],
  );
}
