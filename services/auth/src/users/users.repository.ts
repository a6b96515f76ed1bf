import type { Queryable, Transaction } from '@capstone/platform/database';

export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly name: string | undefined;
  readonly passwordHash: string;
}

export interface Credential {
  readonly userId: string;
  readonly passwordHash: string;
  readonly emailVerified: boolean;
}

export interface Profile {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly emailVerified: boolean;
}

/**
 * One statement for both outcomes. A known address takes the update branch: it waits for the same log write as a new
 * one, changes nothing that matters and gets no second credential.
 */
export async function insertUser(tx: Transaction, user: NewUser): Promise<{ isNew: boolean }> {
  const [row] = await tx.query<{ isNew: boolean }>(
    'insert_user',
    `with account as (
       insert into auth.users (id, email, name)
       values ($1, $2, $3)
       on conflict (email) do update set registration_seen_at = now()
       returning id
     ), credential as (
       insert into auth.credentials (user_id, password_hash)
       select id, $4 from account where id = $1
     )
     select id = $1 as "isNew" from account`,
    [user.id, user.email, user.name ?? null, user.passwordHash],
  );
  return row!;
}

export async function findCredential(
  db: Queryable,
  email: string,
): Promise<Credential | undefined> {
  const [credential] = await db.query<Credential>(
    'find_credential',
    `select users.id as "userId", credentials.password_hash as "passwordHash",
            users.email_verified_at is not null as "emailVerified"
       from auth.users
       join auth.credentials on credentials.user_id = users.id
      where users.email = $1`,
    [email],
  );
  return credential;
}

export async function findPasswordHash(db: Queryable, userId: string): Promise<string | undefined> {
  const [credential] = await db.query<{ passwordHash: string }>(
    'find_password_hash',
    `select password_hash as "passwordHash" from auth.credentials where user_id = $1`,
    [userId],
  );
  return credential?.passwordHash;
}

export async function updatePasswordHash(
  tx: Transaction,
  userId: string,
  passwordHash: string,
): Promise<void> {
  await tx.query(
    'update_password_hash',
    `update auth.credentials
        set password_hash = $2, changed_at = now()
      where user_id = $1`,
    [userId, passwordHash],
  );
}

/** The same password under other parameters: not where it was changed meanwhile. */
export async function replacePasswordHash(
  db: Queryable,
  userId: string,
  replaced: { from: string; to: string },
): Promise<void> {
  await db.query(
    'replace_password_hash',
    `update auth.credentials
        set password_hash = $3
      where user_id = $1 and password_hash = $2`,
    [userId, replaced.from, replaced.to],
  );
}

export async function findProfile(db: Queryable, userId: string): Promise<Profile | undefined> {
  const [profile] = await db.query<Profile>(
    'find_profile',
    `select id, email, name, email_verified_at is not null as "emailVerified"
       from auth.users
      where id = $1`,
    [userId],
  );
  return profile;
}
