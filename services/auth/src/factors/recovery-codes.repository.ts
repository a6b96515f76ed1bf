import type { Transaction } from '@capstone/platform/database';

export async function insertRecoveryCodes(
  tx: Transaction,
  userId: string,
  hashes: readonly Buffer[],
): Promise<void> {
  await tx.query(
    'insert_recovery_codes',
    `insert into auth.recovery_codes (user_id, code_hash)
     select $1, unnest($2::bytea[])`,
    [userId, hashes],
  );
}

/** True for one caller, once. */
export async function spendRecoveryCode(
  tx: Transaction,
  userId: string,
  hash: Buffer,
): Promise<boolean> {
  const spent = await tx.query(
    'spend_recovery_code',
    `update auth.recovery_codes
        set used_at = now()
      where user_id = $1 and code_hash = $2
        and used_at is null
     returning user_id`,
    [userId, hash],
  );
  return spent.length > 0;
}

export async function deleteRecoveryCodes(tx: Transaction, userId: string): Promise<void> {
  await tx.query('delete_recovery_codes', `delete from auth.recovery_codes where user_id = $1`, [
    userId,
  ]);
}
