import type { Queryable, Transaction } from '@capstone/platform/database';
import type { StoredKey } from './signing-key.js';

/**
 * pending: published, not signing yet. active: signs. retired: verifies until its last token is over. tainted: verifies
 * nothing any more.
 */
export type KeyState = 'pending' | 'active' | 'retired' | 'tainted';

export interface KeyRow extends StoredKey {
  readonly state: KeyState;
}

export interface ListedKey {
  readonly kid: string;
  readonly state: KeyState;
  readonly createdAt: string;
  readonly activatedAt: string | null;
  readonly retiredAt: string | null;
  readonly taintedAt: string | null;
}

/** Held until the transaction ends; the number is this lock's name in the database and nothing more. */
export async function lockSigningKeys(tx: Transaction): Promise<void> {
  await tx.query('lock_signing_keys', 'select pg_advisory_xact_lock(7070001)');
}

/** All keys a token may verify with, oldest first. A key that has been retired for `keptSeconds` signed none of them. */
export async function listUsableKeys(db: Queryable, keptSeconds: number): Promise<KeyRow[]> {
  return db.query<KeyRow>(
    'list_usable_keys',
    `select kid, state, public_jwk as "publicJwk", wrapped_private_jwk as "wrappedPrivateJwk"
       from auth.signing_keys
      where state in ('pending', 'active')
         or (state = 'retired' and retired_at > now() - make_interval(secs => $1))
      order by created_at, kid`,
    [keptSeconds],
  );
}

/** Every key there ever was, newest first. */
export async function listKeys(db: Queryable): Promise<ListedKey[]> {
  return db.query<ListedKey>(
    'list_signing_keys',
    `select kid, state, created_at as "createdAt", activated_at as "activatedAt",
            retired_at as "retiredAt", tainted_at as "taintedAt"
       from auth.signing_keys
      order by created_at desc, kid`,
  );
}

export async function insertKey(
  tx: Transaction,
  key: StoredKey,
  state: 'pending' | 'active',
): Promise<void> {
  await tx.query(
    'insert_signing_key',
    `insert into auth.signing_keys (kid, state, public_jwk, wrapped_private_jwk, activated_at)
     values ($1, $2, $3, $4, case when $2 = 'active' then now() end)`,
    [key.kid, state, key.publicJwk, key.wrappedPrivateJwk],
  );
}

/** What is to be done now; asked often, so that the lock is taken only when there is something. */
export async function findDueSteps(
  db: Queryable,
  after: { pendingSeconds: number; activeSeconds: number },
): Promise<{ mayActivate: boolean; isOld: boolean }> {
  const [due] = await db.query<{ mayActivate: boolean; isOld: boolean }>(
    'find_due_key_steps',
    `select coalesce(bool_or(state = 'pending' and created_at <= now() - make_interval(secs => $1)), false)
              as "mayActivate",
            coalesce(bool_or(state = 'active' and activated_at <= now() - make_interval(secs => $2)), false)
              as "isOld"
       from auth.signing_keys`,
    [after.pendingSeconds, after.activeSeconds],
  );
  return due!;
}

export async function findKeyInState(
  tx: Transaction,
  state: KeyState,
): Promise<string | undefined> {
  const [key] = await tx.query<{ kid: string }>(
    'find_key_in_state',
    'select kid from auth.signing_keys where state = $1',
    [state],
  );
  return key?.kid;
}

export async function findKeyState(tx: Transaction, kid: string): Promise<KeyState | undefined> {
  const [key] = await tx.query<{ state: KeyState }>(
    'find_key_state',
    'select state from auth.signing_keys where kid = $1',
    [kid],
  );
  return key?.state;
}

export async function retireActiveKey(tx: Transaction): Promise<void> {
  await tx.query(
    'retire_active_key',
    `update auth.signing_keys set state = 'retired', retired_at = now() where state = 'active'`,
  );
}

export async function activatePendingKey(tx: Transaction): Promise<void> {
  await tx.query(
    'activate_pending_key',
    `update auth.signing_keys set state = 'active', activated_at = now() where state = 'pending'`,
  );
}

export async function taintKey(tx: Transaction, kid: string): Promise<void> {
  await tx.query(
    'taint_key',
    `update auth.signing_keys set state = 'tainted', tainted_at = now() where kid = $1`,
    [kid],
  );
}
