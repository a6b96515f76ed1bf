import type { Queryable, Transaction } from '@capstone/platform/database';

export interface TotpFactor {
  readonly id: string;
  readonly userId: string;
  readonly sealedSeed: Buffer;
  readonly isConfirmed: boolean;
  readonly lastStep: number;
  /** Seconds; 0 when it is not locked. */
  readonly lockedSeconds: number;
}

export async function hasConfirmedFactor(db: Queryable, userId: string): Promise<boolean> {
  const found = await db.query(
    'has_confirmed_factor',
    `select 1 from auth.totp_factors where user_id = $1 and confirmed_at is not null`,
    [userId],
  );
  return found.length > 0;
}

/** With its row locked: two codes of one person are looked at one after the other, so one step is taken once. */
export async function lockFactor(tx: Transaction, userId: string): Promise<TotpFactor | undefined> {
  const [factor] = await tx.query<TotpFactor>(
    'lock_totp_factor',
    `select id, user_id as "userId", sealed_seed as "sealedSeed",
            confirmed_at is not null as "isConfirmed", last_step as "lastStep",
            greatest(0, ceil(extract(epoch from locked_until - now())))::int as "lockedSeconds"
       from auth.totp_factors
      where user_id = $1
        for no key update`,
    [userId],
  );
  return factor;
}

/** False when a confirmed one is there. One that was never confirmed gives way. */
export async function insertFactor(
  tx: Transaction,
  factor: { id: string; userId: string; sealedSeed: Buffer; keyId: string },
): Promise<boolean> {
  await tx.query(
    'delete_unconfirmed_factor',
    `delete from auth.totp_factors where user_id = $1 and confirmed_at is null`,
    [factor.userId],
  );
  const inserted = await tx.query(
    'insert_totp_factor',
    `insert into auth.totp_factors (id, user_id, sealed_seed, key_id)
     values ($1, $2, $3, $4)
     on conflict (user_id) do nothing
     returning id`,
    [factor.id, factor.userId, factor.sealedSeed, factor.keyId],
  );
  return inserted.length > 0;
}

export async function acceptStep(tx: Transaction, id: string, step: number): Promise<void> {
  await tx.query(
    'accept_totp_step',
    `update auth.totp_factors
        set last_step = $2, failures = 0, locked_until = null,
            confirmed_at = coalesce(confirmed_at, now())
      where id = $1`,
    [id, step],
  );
}

/** Only a right code resets the count, so after the first lock each further wrong one locks again. */
export async function countFailure(
  tx: Transaction,
  id: string,
  { most, lockSeconds }: { most: number; lockSeconds: number },
): Promise<void> {
  await tx.query(
    'count_totp_failure',
    `update auth.totp_factors
        set failures = least(failures + 1, $2),
            locked_until = case when failures + 1 >= $2 then now() + make_interval(secs => $3) end
      where id = $1`,
    [id, most, lockSeconds],
  );
}

export async function deleteFactor(tx: Transaction, userId: string): Promise<void> {
  await tx.query('delete_totp_factor', `delete from auth.totp_factors where user_id = $1`, [
    userId,
  ]);
}
