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
 * containers. CAPSTONE_INFRA insists on one; without it, a profile stays where its data is. Throws OperatorError when
 * there is none.
 */
export async function chooseServers(
  profile: Profile,
  state: ProfileState,
  onStep: OnStep,
  env = process.env,
): Promise<Servers> {
  const wish = wishedSource(env) ?? (isExternalGiven(env) ? 'external' : sourceOfData(state));
  if (wish === 'external') return externalServers(env);
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
        'Postgres and Redis are to run in containers, but neither Docker nor Podman answers: start one of them.',
      );
    }
  }
  throw new OperatorError(installAdvice(await missingPrograms(env, state), thisMachine()));
}

/** The servers that hold the profile's data; undefined when there is none, or what ran them has left the machine. */
export async function serversOfData(
  profile: Profile,
  state: ProfileState,
  env = process.env,
): Promise<Servers | undefined> {
  const source = sourceOfData(state);
  if (source === 'docker') {
    const engine = await findContainerEngine();
    return engine && containerServers(engine, profile, state);
  }
  const programs = source && (await findBoth(env, state));
  return programs && new NativeServers(profile, state, programs, await serverAccounts());
}

function sourceOfData(state: ProfileState): 'native' | 'docker' | undefined {
  return state.source ?? (state.postgresMajor ? 'native' : undefined);
}

async function nativeServers(
  profile: Profile,
  state: ProfileState,
  onStep: OnStep,
  env: NodeJS.ProcessEnv,
): Promise<Servers | undefined> {
  const found = await findBoth(env, state);
  if (!found && !env.CAPSTONE_POSTGRES_BIN && (await canInstallWithApt())) {
    await installPrograms(onStep, state.postgresMajor);
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
    const made = `Postgres ${state.postgresMajor}, which made the data here and alone can open it (--reset begins afresh)`;
    missing.push(
      state.postgresMajor
        ? made
        : `Postgres ${minimum.postgres}+ with pgvector ${minimum.pgvector}+`,
    );
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
