import { aptInstall, aptUpdate, candidateVersion } from './apt.js';
import { buildPgvector } from './build-pgvector.js';
import { run } from './command.js';
import {
  findPostgres,
  findRedis,
  hasPgvector,
  majorOf,
  type PostgresPrograms,
} from './programs.js';
import { step, type OnStep } from './steps.js';
import { atLeast, minimum } from './versions.js';

/**
 * Installs with apt what is missing of Redis, Postgres (of the given major release) and pgvector. Installs nothing when this release of the
 * distribution has no Postgres or Redis that is new enough: the caller finds out by looking for the programs again.
 */
export async function installPrograms(onStep: OnStep, major?: string): Promise<void> {
  await step(onStep, 'Refreshed the package lists', aptUpdate);
  const missing: { name: string; oldest: string }[] = [];
  if (!(await findRedis())) missing.push({ name: 'redis-server', oldest: minimum.redis });
  if (!(await findPostgres(process.env, major))) {
    missing.push({ name: await postgresPackage(major), oldest: minimum.postgres });
  }

  for (const { name, oldest } of missing) {
    const version = await candidateVersion(name);
    if (!version || !atLeast(version, oldest)) return;
  }
  const names = missing.map(({ name }) => name);
  if (names.length > 0) {
    await step(onStep, `Installed ${names.join(' and ')} with apt`, () => aptInstall(names));
  }

  const postgres = await findPostgres(process.env, major);
  if (postgres && !hasPgvector(postgres)) await installPgvector(postgres, onStep);
}

async function installPgvector(postgres: PostgresPrograms, onStep: OnStep): Promise<void> {
  const name = `postgresql-${majorOf(postgres.version)}-pgvector`;
  const version = await candidateVersion(name);
  if (!version || !atLeast(version, minimum.pgvector)) {
    await buildPgvector(postgres, onStep);
    return;
  }
  await step(onStep, `Installed pgvector ${version} with apt`, () => aptInstall([name]));
}

/** The package of a major release, or the one behind the metapackage, `postgresql-15` on Debian 12. */
async function postgresPackage(major: string | undefined): Promise<string> {
  if (major) return `postgresql-${major}`;
  const depends = await run('apt-cache', ['depends', 'postgresql']);
  return /postgresql-\d+/.exec(depends)?.[0] ?? 'postgresql';
}
