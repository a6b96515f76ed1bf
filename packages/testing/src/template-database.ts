import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrate } from '@capstone/platform/migrate';
import type { Client } from 'pg';
import { databaseServices, minuteOf } from './database.js';
import { withClient, withDatabase } from './postgres-admin.js';
import type { DatabaseName } from './test-infra.js';

const migrations = {
  app: [
    { schema: 'app', directory: 'services/api/migrations' },
    { schema: 'search', directory: 'services/worker/migrations' },
  ],
  auth: [{ schema: 'auth', directory: 'services/auth/migrations' }],
} as const;

const keptTemplates = 5;
const keptMinutes = 60;

export interface TemplateOptions {
  /** The checkout. */
  readonly root: string;
  readonly adminUrl: string;
  readonly migratorUrl: string;
  readonly caFile: string | undefined;
}

/**
 * The name of a database with every migration applied, made now unless it exists. The name holds the migrations'
 * checksum, so test runs of different states of the checkout do not disturb each other; the same ones take turns.
 */
export async function prepareTemplate(
  kind: DatabaseName,
  options: TemplateOptions,
): Promise<string> {
  const name = `template_${kind}_${await checksumOf(kind, options.root)}`;
  await withClient(options.adminUrl, options.caFile, async (admin) => {
    await admin.query(`select pg_advisory_lock(hashtextextended('capstone.test.template', 0))`);
    if (await exists(admin, name)) return;
    await build(admin, kind, name, options);
    await dropOutdatedTemplates(admin, kind);
  });
  return name;
}

/** Drops the databases of test files whose process was killed. */
export async function dropAbandonedDatabases(
  options: Pick<TemplateOptions, 'adminUrl' | 'caFile'>,
): Promise<void> {
  await withClient(options.adminUrl, options.caFile, async (admin) => {
    const { rows } = await admin.query<{ name: string }>(
      `select datname as name from pg_database where datname like 'test\\_%'`,
    );
    const oldest = parseInt(minuteOf(Date.now()), 36) - keptMinutes;
    for (const { name } of rows) {
      if (parseInt(name.split('_')[1] ?? '', 36) < oldest) await drop(admin, name);
    }
  });
}

/** Under another name until it is complete, so that nobody clones half of it. */
async function build(admin: Client, kind: DatabaseName, name: string, options: TemplateOptions) {
  const draft = `${name}_draft`;
  await drop(admin, draft);
  await admin.query(`create database ${draft} owner capstone_migrator`);

  const services = databaseServices[kind].map((service) => `capstone_${service}`).join(', ');
  await withClient(withDatabase(options.adminUrl, draft), options.caFile, async (client) => {
    await client.query('revoke all on schema public from public');
    await client.query(`grant usage on schema public to capstone_migrator, ${services}`);
    if (kind === 'app') await client.query('create extension vector');
  });
  const url = withDatabase(options.migratorUrl, draft);
  for (const { schema, directory } of migrations[kind]) {
    await migrate({
      url,
      caFile: options.caFile,
      schema,
      directory: join(options.root, directory),
    });
  }
  await admin.query(`alter database ${draft} rename to ${name}`);
}

/** The newest few stay: runs of an earlier state of the checkout may still clone them. */
async function dropOutdatedTemplates(admin: Client, kind: DatabaseName) {
  const { rows } = await admin.query<{ name: string }>(
    `select datname as name
     from pg_database
     where datname like $1
     order by oid desc
     offset $2`,
    [`template\\_${kind}\\_%`, keptTemplates],
  );
  for (const { name } of rows) await drop(admin, name);
}

async function drop(admin: Client, name: string) {
  await admin.query(`drop database if exists ${name} with (force)`);
}

async function exists(admin: Client, name: string) {
  const { rows } = await admin.query('select from pg_database where datname = $1', [name]);
  return rows.length > 0;
}

async function checksumOf(kind: DatabaseName, root: string) {
  const hash = createHash('sha256');
  for (const { schema, directory } of migrations[kind]) {
    const folder = join(root, directory);
    for (const file of (await readdir(folder)).toSorted()) {
      hash.update(`${schema}/${file}\n`).update(await readFile(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 12);
}
