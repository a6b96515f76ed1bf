import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { run } from './command.js';
import { atLeast, minimum, parseVersion } from './versions.js';

export interface PostgresPrograms {
  version: string;
  /** What `create extension vector` would install; undefined when this Postgres has none. */
  pgvector: string | undefined;
  bin: string;
  postgres: string;
  initdb: string;
  pgCtl: string;
}

export interface RedisProgram {
  version: string;
  program: string;
}

/**
 * A Postgres of this machine that is new enough, preferring one whose pgvector is too. Data that was made by one
 * major release can only be opened by the same: give that as `major`.
 */
export async function findPostgres(
  env = process.env,
  major?: string,
): Promise<PostgresPrograms | undefined> {
  const found: PostgresPrograms[] = [];
  for (const bin of postgresDirectories(env)) {
    const programs = await inspectPostgres(bin);
    if (!programs || !atLeast(programs.version, minimum.postgres)) continue;
    if (!major || majorOf(programs.version) === major) found.push(programs);
  }
  return found.find(hasPgvector) ?? found[0];
}

/** The major release of a Postgres version: `15.20` → `15`. */
export function majorOf(version: string): string {
  return version.split('.')[0] ?? version;
}

/** The first Redis (or Valkey, its open fork) on the PATH that is new enough. */
export async function findRedis(env = process.env): Promise<RedisProgram | undefined> {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const directory of pathDirectories(env)) {
      const program = join(directory, name);
      if (!isExecutable(program)) continue;
      const version = parseVersion(await run(program, ['--version']));
      if (version && atLeast(version, minimum.redis)) return { program, version };
    }
  }
  return undefined;
}

export function hasPgvector(programs: PostgresPrograms): boolean {
  return programs.pgvector !== undefined && atLeast(programs.pgvector, minimum.pgvector);
}

/** Where a package or an installer puts the server, the newest major release first. */
function postgresDirectories(env: NodeJS.ProcessEnv): string[] {
  if (env.CAPSTONE_POSTGRES_BIN) return [env.CAPSTONE_POSTGRES_BIN];
  const versioned = [
    { parent: '/usr/lib/postgresql', toBin: 'bin' }, // Debian, Ubuntu
    { parent: '/usr', toBin: 'bin', prefix: 'pgsql-' }, // Fedora, PGDG for RHEL
    { parent: '/opt/homebrew/opt', toBin: 'bin', prefix: 'postgresql@' },
    { parent: '/usr/local/opt', toBin: 'bin', prefix: 'postgresql@' },
    { parent: '/Applications/Postgres.app/Contents/Versions', toBin: 'bin' },
  ].flatMap(({ parent, toBin, prefix = '' }) =>
    majorReleases(parent, prefix).map((name) => join(parent, name, toBin)),
  );
  const candidates = [...pathDirectories(env), ...versioned].map((bin) => join(bin, 'postgres'));
  return [...new Set(candidates.filter(isExecutable).map((file) => dirname(realpathSync(file))))];
}

function majorReleases(parent: string, prefix: string): string[] {
  if (!existsSync(parent)) return [];
  const number = (name: string) => Number(name.slice(prefix.length));
  return readdirSync(parent)
    .filter((name) => name.startsWith(prefix) && number(name) > 0)
    .toSorted((a, b) => number(b) - number(a));
}

async function inspectPostgres(bin: string): Promise<PostgresPrograms | undefined> {
  const programs = {
    bin,
    postgres: join(bin, 'postgres'),
    initdb: join(bin, 'initdb'),
    pgCtl: join(bin, 'pg_ctl'),
  };
  if (![programs.postgres, programs.initdb, programs.pgCtl].every(isExecutable)) return undefined;
  const version = parseVersion(await run(programs.postgres, ['--version']));
  if (!version) return undefined;
  return { ...programs, version, pgvector: await extensionVersion(bin, version) };
}

async function extensionVersion(bin: string, version: string): Promise<string | undefined> {
  const shareDirectories = [
    await shareDirectory(bin),
    join(bin, '../share/postgresql'),
    join(bin, '../share'),
    `/usr/share/postgresql/${majorOf(version)}`,
    '/usr/share/pgsql',
  ];
  for (const share of shareDirectories) {
    const control = share && join(share, 'extension', 'vector.control');
    if (!control || !existsSync(control)) continue;
    return /default_version\s*=\s*'([^']+)'/.exec(readFileSync(control, 'utf8'))?.[1];
  }
  return undefined;
}

async function shareDirectory(bin: string): Promise<string | undefined> {
  const pgConfig = join(bin, 'pg_config');
  if (!isExecutable(pgConfig)) return undefined;
  return (await run(pgConfig, ['--sharedir'])).trim();
}

function pathDirectories(env: NodeJS.ProcessEnv): string[] {
  return (env.PATH ?? '').split(delimiter).filter(Boolean);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
