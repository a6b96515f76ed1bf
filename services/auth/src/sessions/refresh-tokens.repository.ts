import type { Queryable, Transaction } from '@capstone/platform/database';

export interface KnownRefreshToken {
  readonly id: string;
  readonly sessionId: string;
  readonly userId: string;
}

export interface SpentRefreshToken {
  readonly consumed: boolean;
  /** Only within the replay window. */
  readonly sealedSuccessor: Buffer | null;
}

export async function insertRefreshToken(
  tx: Transaction,
  token: {
    id: string;
    sessionId: string;
    userId: string;
    hash: Buffer;
    parentId: string | undefined;
    idleSeconds: number;
  },
): Promise<void> {
  await tx.query(
    'insert_refresh_token',
    `insert into auth.refresh_tokens (id, session_id, user_id, token_hash, parent_id, expires_at)
     values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
    [
      token.id,
      token.sessionId,
      token.userId,
      token.hash,
      token.parentId ?? null,
      token.idleSeconds,
    ],
  );
}

export async function findRefreshToken(
  db: Queryable,
  hash: Buffer,
): Promise<KnownRefreshToken | undefined> {
  const [token] = await db.query<KnownRefreshToken>(
    'find_refresh_token',
    `select id, session_id as "sessionId", user_id as "userId"
       from auth.refresh_tokens
      where token_hash = $1`,
    [hash],
  );
  return token;
}

/**
 * Spends a live token, once: of any number of callers with the same one exactly one gets true. The update locks the
 * row, and who waited for it sees consumed_at set.
 */
export async function consumeRefreshToken(
  tx: Transaction,
  id: string,
  sealedSuccessor: Buffer,
): Promise<boolean> {
  const consumed = await tx.query(
    'consume_refresh_token',
    `update auth.refresh_tokens
        set consumed_at = now(), sealed_successor = $2
      where id = $1
        and consumed_at is null
        and expires_at > now()
     returning id`,
    [id, sealedSuccessor],
  );
  return consumed.length > 0;
}

/** Why a token could not be consumed. */
export async function findSpentRefreshToken(
  tx: Transaction,
  id: string,
  replaySeconds: number,
): Promise<SpentRefreshToken> {
  const [spent] = await tx.query<SpentRefreshToken>(
    'find_spent_refresh_token',
    `select consumed_at is not null as "consumed",
            case when consumed_at > now() - make_interval(secs => $2) then sealed_successor end
              as "sealedSuccessor"
       from auth.refresh_tokens
      where id = $1`,
    [id, replaySeconds],
  );
  return spent!;
}

export async function eraseSealedSuccessors(db: Queryable, replaySeconds: number): Promise<void> {
  await db.query(
    'erase_sealed_successors',
    `update auth.refresh_tokens
        set sealed_successor = null
      where sealed_successor is not null
        and consumed_at < now() - make_interval(secs => $1)`,
    [replaySeconds],
  );
}
