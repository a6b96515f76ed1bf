import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import type { ServiceName } from './certificates.js';
import { OperatorError } from './operator-error.js';
import { atLeast, minimum } from './versions.js';

export const databaseUsers = ['admin', 'migrator', 'auth', 'api', 'worker'] as const;
export type DatabaseUser = (typeof databaseUsers)[number];
export type DatabasePasswords = Record<DatabaseUser, string>;

/** The services that may connect to each database. */
const databases: Record<'auth' | 'app', ServiceName[]> = { auth: ['auth'], app: ['api', 'worker'] };

export interface DatabaseServer {
  /** A role that may create roles, databases and the extension. */
  adminUrl: string;
  caFile: string | undefined;
}

/** The Postgres role of a user: `capstone_api`, `capstone_migrator`, and so on. */
export function roleName(user: DatabaseUser): string {
  return `capstone_${user}`;
}

/** The address of a database under the role of the given user. */
export function databaseUrl(
  server: DatabaseServer,
  passwords: DatabasePasswords,
  user: DatabaseUser,
  database: string,
): string {
  const url = new URL(server.adminUrl);
  if (user !== 'admin') {
    url.username = roleName(user);
    url.password = passwords[user];
  }
  url.pathname = `/${database}`;
  return url.href;
}

/**
 * Makes the roles, both databases and the extension, or brings them up to date; safe to repeat.
 * Throws OperatorError when Postgres or pgvector is too old.
 */
export async function prepareDatabases(
  server: DatabaseServer,
  passwords: DatabasePasswords,
): Promise<{ version: string; pgvector: string }> {
  const version = await withClient(server.adminUrl, server.caFile, async (client) => {
    const found = await serverVersion(client);
    await requirePgvector(client, found);
    await createRoles(client, passwords);
    for (const [database, users] of Object.entries(databases)) {
      await createDatabase(client, database, users);
    }
    return found;
  });
  for (const [database, users] of Object.entries(databases)) {
    const url = databaseUrl(server, passwords, 'admin', database);
    await withClient(url, server.caFile, (client) => restrictPublicSchema(client, users));
  }
  const appUrl = databaseUrl(server, passwords, 'admin', 'app');
  const pgvector = await withClient(appUrl, server.caFile, createExtension);
  return { version, pgvector };
}

/** Runs `work` on one connection and closes it. With a CA file the server's name and chain are verified. */
export async function withClient<T>(
  url: string,
  caFile: string | undefined,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    ...(caFile ? { ssl: { ca: readFileSync(caFile), servername: new URL(url).hostname } } : {}),
  });
  client.on('error', () => undefined); // the query in flight rejects as well
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function serverVersion(client: Client): Promise<string> {
  const found = await client.query<{ server_version: string }>('show server_version');
  const version = found.rows[0]?.server_version.split(' ')[0] ?? '0';
  if (!atLeast(version, minimum.postgres)) {
    throw new OperatorError(
      `This Postgres is ${version}, but ${minimum.postgres} or newer is needed: upgrade it, or take another with CAPSTONE_INFRA.`,
    );
  }
  return version;
}

async function requirePgvector(client: Client, postgresVersion: string): Promise<void> {
  const found = await client.query<{ default_version: string }>(
    `select default_version from pg_available_extensions where name = 'vector'`,
  );
  const available = found.rows[0]?.default_version;
  if (!available || !atLeast(available, minimum.pgvector)) {
    throw new OperatorError(
      `Postgres ${postgresVersion} has ${available ? `pgvector ${available}` : 'no pgvector'}, but ${minimum.pgvector} or newer is needed: install it for this server and start again.`,
    );
  }
}

const roleAttributes = 'nosuperuser nobypassrls noinherit nocreatedb nocreaterole noreplication';

async function createRoles(client: Client, passwords: DatabasePasswords): Promise<void> {
  const existing = await client.query<{ rolname: string }>('select rolname from pg_roles');
  const names = new Set(existing.rows.map((row) => row.rolname));
  for (const user of databaseUsers) {
    if (user === 'admin') continue;
    const role = roleName(user);
    if (!names.has(role)) await client.query(`create role ${role} ${roleAttributes}`);
    await client.query(
      `alter role ${role} login connection limit 150 password ${client.escapeLiteral(passwords[user])}`,
    );
    if (user !== 'migrator') await limitTime(client, role);
  }
  await createFunctionOwners(client, names);
}

/**
 * Own what no service may: the few functions that look across workspaces, and the audit events. Nobody can log in as them;
 * the migrator hands things over.
 */
const functionOwners = ['capstone_recovery', 'capstone_audit'];

async function createFunctionOwners(client: Client, existing: ReadonlySet<string>) {
  for (const role of functionOwners) {
    if (!existing.has(role)) await client.query(`create role ${role} nologin ${roleAttributes}`);
    await client.query(`grant ${role} to ${roleName('migrator')}`);
  }
}

// Defaults for a session that sets nothing itself: no statement, lock or idle transaction holds on for ever.
async function limitTime(client: Client, role: string): Promise<void> {
  await client.query(`alter role ${role} set statement_timeout = '60s'`);
  await client.query(`alter role ${role} set lock_timeout = '10s'`);
  await client.query(`alter role ${role} set idle_in_transaction_session_timeout = '60s'`);
}

async function createDatabase(
  client: Client,
  database: string,
  users: ServiceName[],
): Promise<void> {
  const migrator = roleName('migrator');
  const found = await client.query('select from pg_database where datname = $1', [database]);
  if (found.rowCount === 0) {
    await joinRole(client, migrator);
    await client.query(`create database ${database} owner ${migrator}`);
  }
  // Postgres lets PUBLIC connect to and make temporary tables in every new database.
  await client.query(`revoke all on database ${database} from public`);
  await client.query(`grant connect on database ${database} to ${users.map(roleName).join(', ')}`);
}

// Only a member of a role may give it a database; a superuser needs no membership.
async function joinRole(client: Client, role: string): Promise<void> {
  const found = await client.query<{ rolsuper: boolean }>(
    'select rolsuper from pg_roles where rolname = current_user',
  );
  if (!found.rows[0]?.rolsuper) await client.query(`grant ${role} to current_user`);
}

// The vector type lives in `public`: services may use what is there and create nothing.
async function restrictPublicSchema(client: Client, users: ServiceName[]): Promise<void> {
  const roles = (['migrator', ...users] as const).map(roleName).join(', ');
  await client.query('revoke all on schema public from public');
  await client.query(`grant usage on schema public to ${roles}`);
}

async function createExtension(client: Client): Promise<string> {
  await client.query('create extension if not exists vector');
  let version = await extensionVersion(client);
  if (!atLeast(version, minimum.pgvector)) {
    await client.query('alter extension vector update');
    version = await extensionVersion(client);
  }
  return version;
}

async function extensionVersion(client: Client): Promise<string> {
  const found = await client.query<{ extversion: string }>(
    `select extversion from pg_extension where extname = 'vector'`,
  );
  return found.rows[0]?.extversion ?? '0';
}
