import type { Session as ListedSession } from '@capstone/contracts/sessions';
import type { Queryable, Transaction } from '@capstone/platform/database';
import type { RevokeReason } from './sessions.repository.js';

/** Neither revoked nor at its absolute end, and its newest refresh token not at its idle one. */
const live = `sessions.revoked_at is null
        and sessions.expires_at > now()
        and tokens.consumed_at is null
        and tokens.expires_at > now()`;

/** The live refresh token of a session is as old as its last use: it was made at the sign-in or the last refresh. */
export async function listLiveSessions(
  db: Queryable,
  userId: string,
  currentId: string,
): Promise<ListedSession[]> {
  return db.query<ListedSession>(
    'list_live_sessions',
    `select sessions.id,
            jsonb_build_object('id', workspaces.id, 'name', workspaces.name) as workspace,
            sessions.id = $2 as current,
            sessions.aal,
            sessions.address,
            sessions.user_agent as "userAgent",
            auth.rfc3339(sessions.created_at) as "createdAt",
            auth.rfc3339(tokens.created_at) as "lastUsedAt",
            auth.rfc3339(least(sessions.expires_at, tokens.expires_at)) as "expiresAt"
       from auth.sessions
       join auth.refresh_tokens as tokens on tokens.session_id = sessions.id
       join auth.workspaces on workspaces.id = sessions.workspace_id
      where sessions.user_id = $1
        and ${live}
      order by tokens.created_at desc, sessions.id`,
    [userId, currentId],
  );
}

/** The workspace it was in. Undefined when it is not a live session of this user. */
export async function endSession(
  tx: Transaction,
  { userId, sessionId, reason }: { userId: string; sessionId: string; reason: RevokeReason },
): Promise<string | undefined> {
  const [ended] = await tx.query<{ workspaceId: string }>(
    'end_session',
    `update auth.sessions
        set revoked_at = now(), revoke_reason = $3
      where user_id = $1 and id = $2
        and revoked_at is null and expires_at > now()
     returning workspace_id as "workspaceId"`,
    [userId, sessionId, reason],
  );
  return ended?.workspaceId;
}
