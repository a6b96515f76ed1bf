import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import type { Logger } from './log.js';
import { postgresOptions } from './postgres-options.js';

export interface MigrateOptions {
  readonly url: string;
  readonly caFile?: string | undefined;
  /** Holds `0001_snake_case.sql`, … */
  readonly directory: string | URL;
  /** Created if missing; holds the ledger `schema_migrations`. */
  readonly schema: string;
  readonly logger?: Logger;
}

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** The files and the database do not fit together. The message says what to do. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
  }
}

/**
 * Brings `schema` up to the files in `directory`, each in one transaction that begins with its ledger row. Several may
 * start at once: they take turns. Throws MigrationError, having applied whole migrations only.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  if (!/^[a-z_]+$/.test(options.schema)) throw new MigrationError('A schema is lower case.');
  const migrations = await readMigrations(options.directory);
  const client = new Client(
    postgresOptions({ ...options, applicationName: `migrate-${options.schema}` }),
  );
  // Without a listener a lost connection would end the process; the query under way reports it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await lock(client, options.schema);
    const pending = await findPending(client, options.schema, migrations);
    for (const migration of pending) {
      await apply(client, options.schema, migration);
      options.logger?.info({ schema: options.schema, migration: migration.name }, 'migrated');
    }
    return { applied: pending.map((migration) => migration.name) };
  } finally {
    await client.end();
  }
}

const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/;

async function readMigrations(directory: string | URL): Promise<Migration[]> {
  const folder = typeof directory === 'string' ? directory : fileURLToPath(directory);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).toSorted();
  const migrations = await Promise.all(
    files.map(async (file) => {
      const [, digits] = fileName.exec(file) ?? [];
      if (!digits) throw new MigrationError(`${file} must be named like 0001_add_tasks.sql.`);
      const sql = (await readFile(`${folder}/${file}`, 'utf8')).replaceAll('\r\n', '\n');
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { version: Number(digits), name: file.slice(0, -'.sql'.length), sql, checksum };
    }),
  );
  migrations.forEach(({ version, name }, index) => {
    if (migrations[index + 1]?.version !== version) return;
    throw new MigrationError(`${name} shares its number with another file: renumber one of them.`);
  });
  return migrations;
}

/**
 * Held until the connection closes. Asked for again and again instead of waited for, because a waiting statement holds a
 * snapshot, which a `create index concurrently` of the holder would wait for in turn.
 */
async function lock(client: Client, schema: string) {
  const key = `capstone.migrate.${schema}`;
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
      [key],
    );
    if (rows[0]?.locked) return;
    await delay(100);
  }
}

async function findPending(client: Client, schema: string, migrations: readonly Migration[]) {
  await client.query(`
    create schema if not exists ${schema};
    create table if not exists ${schema}.schema_migrations (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`);
  const { rows: ledger } = await client.query<Omit<Migration, 'sql'>>(
    `select version, name, checksum from ${schema}.schema_migrations order by version`,
  );

  const last = ledger.at(-1)?.version ?? 0;
  const byVersion = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const row of ledger) {
    const migration = byVersion.get(row.version);
    if (!migration) {
      throw new MigrationError(
        `The database has ${row.name} in schema ${schema}, which this release does not know. Run a release that has it: migrations are never undone.`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new MigrationError(
        `${migration.name} was changed after it had been applied to schema ${schema}. Restore the file and put the change into a new migration.`,
      );
    }
  }
  const applied = new Set(ledger.map((row) => row.version));
  const pending = migrations.filter((migration) => !applied.has(migration.version));
  const late = pending.find((migration) => migration.version < last);
  if (late) {
    throw new MigrationError(
      `${late.name} comes before a migration that schema ${schema} already has. Give it a number above ${last}.`,
    );
  }
  return pending;
}

async function apply(client: Client, schema: string, migration: Migration) {
  try {
    if (/^-- migrate: no-transaction$/m.test(migration.sql)) {
      // Its one statement must bear repetition: a crash here leaves it done and not recorded.
      await client.query(migration.sql);
      await record(client, schema, migration);
      return;
    }
    // A DDL statement that waits for a lock makes everybody behind it wait, too; better to fail and be run again.
    await client.query(`begin; set local lock_timeout = '10s'`);
    await record(client, schema, migration);
    await client.query(migration.sql);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationError(`${migration.name} failed in schema ${schema}: ${reason}`, {
      cause: error,
    });
  }
}

async function record(client: Client, schema: string, { version, name, checksum }: Migration) {
  await client.query(
    `insert into ${schema}.schema_migrations (version, name, checksum) values ($1, $2, $3)`,
    [version, name, checksum],
  );
}
