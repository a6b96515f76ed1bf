import type { Queryable, Transaction } from '@capstone/platform/database';

export interface Challenge {
  readonly userId: string;
  readonly workspaceId: string;
  readonly replacesSessionId: string | null;
}

export async function insertChallenge(
  db: Queryable,
  challenge: {
    hash: Buffer;
    userId: string;
    workspaceId: string;
    replacesSessionId: string | undefined;
    lifetimeSeconds: number;
  },
): Promise<void> {
  await db.query(
    'insert_mfa_challenge',
    `insert into auth.mfa_challenges (token_hash, user_id, target_workspace_id, replaces_session_id, expires_at)
     values ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
    [
      challenge.hash,
      challenge.userId,
      challenge.workspaceId,
      challenge.replacesSessionId ?? null,
      challenge.lifetimeSeconds,
    ],
  );
}

export async function findChallenge(db: Queryable, hash: Buffer): Promise<Challenge | undefined> {
  const [challenge] = await db.query<Challenge>(
    'find_mfa_challenge',
    `select user_id as "userId", target_workspace_id as "workspaceId",
            replaces_session_id as "replacesSessionId"
       from auth.mfa_challenges
      where token_hash = $1`,
    [hash],
  );
  return challenge;
}

/** Counts before anything is looked at, and locks the row: parallel guesses are counted one by one. */
export async function countAttempt(
  tx: Transaction,
  hash: Buffer,
  mostAttempts: number,
): Promise<boolean> {
  const counted = await tx.query(
    'count_mfa_attempt',
    `update auth.mfa_challenges
        set attempts = attempts + 1
      where token_hash = $1
        and attempts < $2
        and consumed_at is null
        and expires_at > now()
     returning user_id`,
    [hash, mostAttempts],
  );
  return counted.length > 0;
}

export async function consumeChallenge(tx: Transaction, hash: Buffer): Promise<void> {
  await tx.query(
    'consume_mfa_challenge',
    `update auth.mfa_challenges set consumed_at = now() where token_hash = $1`,
    [hash],
  );
}

export async function deleteExpiredChallenges(db: Queryable): Promise<void> {
  await db.query(
    'delete_expired_mfa_challenges',
    `delete from auth.mfa_challenges where expires_at < now()`,
  );
}
