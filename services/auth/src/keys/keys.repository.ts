import type { Queryable, Transaction } from '@capstone/platform/database';
import type { StoredKey } from './signing-key.js';

export type KeyState = 'pending' | 'active' | 'retired' | 'tainted';

interface KeyRow extends StoredKey {
  readonly state: KeyState;
}

/** Held until the transaction ends; the number is this lock's name in the database and nothing more. */
export async function lockSigningKeys(tx: Transaction): Promise<void> {
  await tx.query('lock_signing_keys', 'select pg_advisory_xact_lock(7070001)');
}

/** All keys a token may verify with, oldest first. */
export async function listUsableKeys(db: Queryable): Promise<KeyRow[]> {
  return db.query<KeyRow>(
    'list_usable_keys',
    `select kid, state, public_jwk as "publicJwk", wrapped_private_jwk as "wrappedPrivateJwk"
       from auth.signing_keys
      where state in ('pending', 'active', 'retired')
      order by created_at, kid`,
  );
}

export async function insertActiveKey(tx: Transaction, key: StoredKey): Promise<void> {
  await tx.query(
    'insert_active_key',
    `insert into auth.signing_keys (kid, state, public_jwk, wrapped_private_jwk)
     values ($1, 'active', $2, $3)`,
    [key.kid, key.publicJwk, key.wrappedPrivateJwk],
  );
}
