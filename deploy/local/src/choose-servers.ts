import { existsSync, readFileSync } from 'node:fs';
import { installAdvice, type Machine } from './advice.js';
import { canInstallWithApt } from './apt.js';
import { containerServers, findContainerEngine } from './container-servers.js';
import { externalServers, isExternalGiven } from './external-servers.js';
import { installPrograms } from './install-programs.js';
import { NativeServers, serverAccounts } from './native-servers.js';
import { OperatorError } from './operator-error.js';
import type { Profile, ProfileState } from './profile.js';
import { findPostgres, findRedis, hasPgvector } from './programs.js';
import type { Servers, Source } from './servers.js';
import type { OnStep } from './steps.js';
import { minimum } from './versions.js';

const sources: readonly Source[] = ['native', 'docker', 'external'];

/**
 * Takes the first of: servers named by the environment; programs of this machine; programs installed with apt;
 * containers. CAPSTONE_INFRA insists on one. Throws OperatorError when there is none.
 */
export async function chooseServers(
  profile: Profile,
  state: ProfileState,
  onStep: OnStep,
  env = process.env,
): Promise<Servers> {
  const wish = wishedSource(env);
  if (wish === 'external' || (!wish && isExternalGiven(env))) return externalServers(env);
  if (wish !== 'docker') {
    const native = await nativeServers(profile, state, onStep, env);
    if (native) return native;
    if (env.CAPSTONE_POSTGRES_BIN) throw await unfitDirectory(env, env.CAPSTONE_POSTGRES_BIN);
  }
  if (wish !== 'native') {
    const engine = await findContainerEngine();
    if (engine) return containerServers(engine, profile, state);
    if (wish === 'docker') {
      throw new OperatorError(
        'CAPSTONE_INFRA=docker, but neither Docker nor Podman answers: start one of them.',
      );
    }
  }
  throw new OperatorError(installAdvice(await missingPrograms(env, state), thisMachine()));
}

async function nativeServers(
  profile: Profile,
  state: ProfileState,
  onStep: OnStep,
  env: NodeJS.ProcessEnv,
): Promise<Servers | undefined> {
  const found = await findBoth(env, state);
  if (!found && !env.CAPSTONE_POSTGRES_BIN && (await canInstallWithApt())) {
    await installPrograms(onStep);
  }
  const programs = found ?? (await findBoth(env, state));
  if (!programs) return undefined;
  return new NativeServers(profile, state, programs, await serverAccounts());
}

async function findBoth(env: NodeJS.ProcessEnv, state: ProfileState) {
  const postgres = await findPostgres(env, state.postgresMajor);
  const redis = await findRedis(env);
  return postgres && redis && hasPgvector(postgres) ? { postgres, redis } : undefined;
}

async function missingPrograms(env: NodeJS.ProcessEnv, state: ProfileState): Promise<string[]> {
  const postgres = await findPostgres(env, state.postgresMajor);
  const missing: string[] = [];
  if (!postgres) {
    // Data that one major release has made can only be opened by the same.
    const wanted = state.postgresMajor ?? `${minimum.postgres}+`;
    missing.push(`Postgres ${wanted} with pgvector ${minimum.pgvector}+`);
  } else if (!hasPgvector(postgres)) {
    missing.push(`pgvector ${minimum.pgvector}+ for Postgres ${postgres.version}`);
  }
  if (!(await findRedis(env))) missing.push(`Redis ${minimum.redis}+`);
  return missing;
}

function wishedSource(env: NodeJS.ProcessEnv): Source | undefined {
  const wish = env.CAPSTONE_INFRA;
  if (!wish) return undefined;
  const source = sources.find((name) => name === wish);
  if (!source) {
    throw new OperatorError(`CAPSTONE_INFRA is "${wish}", but must be native, docker or external.`);
  }
  return source;
}

async function unfitDirectory(env: NodeJS.ProcessEnv, bin: string): Promise<OperatorError> {
  const found = await findPostgres(env);
  const what = found
    ? `Postgres ${found.version} with ${found.pgvector ? `pgvector ${found.pgvector}` : 'no pgvector'}`
    : `no Postgres ${minimum.postgres} or newer`;
  return new OperatorError(
    `CAPSTONE_POSTGRES_BIN=${bin} has ${what}: install pgvector ${minimum.pgvector} or newer for it, or unset the variable.`,
  );
}

function thisMachine(): Machine {
  const file = '/etc/os-release';
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const values = [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)];
  return {
    platform: process.platform,
    distribution: values.flatMap(([, value = '']) => value.split(' ')),
  };
}
