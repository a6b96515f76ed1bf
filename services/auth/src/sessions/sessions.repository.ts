import type { Queryable, Transaction } from '@capstone/platform/database';

export type RevokeReason =
  | 'logout'
  | 'refresh-token-reused'
  | 'membership-ended'
  | 'stepped-up'
  | 'password-changed'
  | 'factors-changed';

/** A session that is neither revoked nor at its absolute end. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly workspaceId: string;
  readonly aal: 1 | 2;
  readonly authTimeSeconds: number;
}

const columns = `id, user_id as "userId", workspace_id as "workspaceId", aal,
       floor(extract(epoch from authenticated_at))::bigint as "authTimeSeconds"`;

export async function insertSession(
  tx: Transaction,
  session: {
    id: string;
    userId: string;
    workspaceId: string;
    aal: 1 | 2;
    lifetimeSeconds: number;
  },
): Promise<Session> {
  const [row] = await tx.query<Session>(
    'insert_session',
    `insert into auth.sessions (id, user_id, workspace_id, aal, authenticated_at, expires_at)
     values ($1, $2, $3, $4, now(), now() + make_interval(secs => $5))
     returning ${columns}`,
    [session.id, session.userId, session.workspaceId, session.aal, session.lifetimeSeconds],
  );
  return row!;
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
        and revoked_at is null and expires_at > now()`,
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

/** Sign-in is when a user's old sessions go, their refresh tokens with them: nothing else has the right to see them. */
export async function deleteEndedSessions(tx: Transaction, userId: string): Promise<void> {
  await tx.query(
    'delete_ended_sessions',
    `delete from auth.sessions
      where user_id = $1 and expires_at < now()`,
    [userId],
  );
}
