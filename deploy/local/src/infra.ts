import {
  certificateFiles,
  renewCertificates,
  type CertificateFiles,
  type ServiceName,
} from './certificates.js';
import { chooseServers, serversOfData } from './choose-servers.js';
import { isExternalGiven } from './external-servers.js';
import { Leases } from './leases.js';
import { withLock, type Lock } from './lock.js';
import { OperatorError } from './operator-error.js';
import { databaseUrl, prepareDatabases, type DatabaseUser } from './postgres-roles.js';
import { Profile, type ProfileName, type ProfileState } from './profile.js';
import type { RedisInstanceName } from './redis-acl.js';
import { serviceEnvironment, type ServicePorts } from './service-env.js';
import type { RedisAddress, Servers, Source } from './servers.js';
import { step, type OnStep } from './steps.js';

export interface StartOptions {
  profile: ProfileName;
  /** The checkout; everything is kept under its `.capstone/`. */
  root: string;
  /** Remove what an earlier start has kept. */
  reset?: boolean;
  onStep?: OnStep;
}

/** A running Postgres and two running Redis, with everything needed to connect to them. */
export interface Infra {
  readonly source: Source;
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly caFile: string | undefined;
    readonly version: string;
    readonly pgvector: string;
    urlFor(user: DatabaseUser, database: string): string;
  };
  readonly redis: Record<RedisInstanceName, RedisAddress>;
  readonly certificates: {
    readonly directory: string;
    readonly caFile: string;
    for(service: ServiceName): CertificateFiles;
    /** Renews what is due; a process that runs for days calls it now and then. */
    renew(): Promise<void>;
  };
  /** The random password of the demo user, kept between starts. */
  readonly demoPassword: string;
  serviceEnv(service: ServiceName, ports?: ServicePorts): Record<string, string>;
  /** Gives up this process's use. The last user's stop ends the servers, except when they were told to stay. */
  stop(): Promise<void>;
}

/**
 * Starts the profile's Postgres and Redis, or joins those that run already, and brings roles, databases and
 * certificates up to date. Safe to call from several processes at once.
 * Throws OperatorError when something must be mended by hand.
 */
export async function startInfra(options: StartOptions): Promise<Infra> {
  const onStep = options.onStep ?? (() => undefined);
  const profile = new Profile(options.profile, options.root);
  const leases = new Leases(profile);
  return withLock(profile.lockFile, async () => {
    if (options.reset) await reset(profile, leases, onStep);
    const state = await profile.loadState();
    const servers = await chooseServers(profile, state, onStep);
    const joined = await servers.anyRunning();
    await renewCertificates(profile.certificates, { keepAuthority: joined });
    try {
      const done = joined ? 'Joined' : 'Started';
      await step(onStep, `${done} Postgres and Redis: ${servers.origin}`, () => servers.start());
      remember(profile, state, servers.source);
      const versions = await step(onStep, 'Prepared roles and databases', () =>
        prepareDatabases(servers.database, state.passwords.postgres),
      );
      return describe(profile, state, servers, versions, leases.take());
    } catch (error) {
      if (!leases.inUse()) await servers.stop();
      throw error;
    }
  });
}

/** Keeps the servers running after this process, until `stopInfra`. */
export function keepRunning(options: Pick<StartOptions, 'profile' | 'root'>): void {
  new Leases(new Profile(options.profile, options.root)).stay();
}

/** Stops the servers that `keepRunning` left. Throws OperatorError while another process uses them. */
export async function stopInfra(options: Pick<StartOptions, 'profile' | 'root'>): Promise<void> {
  const profile = new Profile(options.profile, options.root);
  const leases = new Leases(profile);
  await withLock(profile.lockFile, async () => {
    leases.leave();
    if (leases.inUse()) throw inUse(profile);
    const servers = await serversOfData(profile, await profile.loadState());
    await servers?.stop();
  });
}

async function reset(profile: Profile, leases: Leases, onStep: OnStep): Promise<void> {
  if (isExternalGiven(process.env)) {
    throw new OperatorError(
      '--reset does not touch servers of your own: drop the databases "auth" and "app" there, and start without it.',
    );
  }
  leases.leave();
  if (leases.inUse()) throw inUse(profile);
  await step(onStep, `Removed the data of the ${profile.name} stack`, async () => {
    const servers = profile.hasState() && (await serversOfData(profile, await profile.loadState()));
    if (servers) {
      await servers.stop();
      await servers.erase();
    }
    profile.remove();
  });
}

function remember(profile: Profile, state: ProfileState, source: Source): void {
  if (source === 'external' || state.source === source) return;
  state.source = source;
  profile.saveState(state);
}

function inUse(profile: Profile): OperatorError {
  return new OperatorError(
    `Another process uses the servers in ${profile.directory}: stop it first, and try again.`,
  );
}

function describe(
  profile: Profile,
  state: ProfileState,
  servers: Servers,
  versions: { version: string; pgvector: string },
  lease: Lock,
): Infra {
  const { hostname, port } = new URL(servers.database.adminUrl);
  const urlFor = (user: DatabaseUser, database: string) =>
    databaseUrl(servers.database, state.passwords.postgres, user, database);
  let stopped: Promise<void> | undefined;
  return {
    source: servers.source,
    postgres: {
      host: hostname,
      port: Number(port || 5432),
      caFile: servers.database.caFile,
      ...versions,
      urlFor,
    },
    redis: servers.redis,
    certificates: {
      directory: profile.certificates,
      caFile: certificateFiles(profile.certificates, 'ca').certFile,
      for: (service) => certificateFiles(profile.certificates, service),
      renew: async () => {
        await renewCertificates(profile.certificates, { keepAuthority: true });
      },
    },
    demoPassword: state.passwords.demoUser,
    serviceEnv: (service, ports) =>
      serviceEnvironment(
        service,
        {
          databaseUrl: urlFor(service, service === 'auth' ? 'auth' : 'app'),
          databaseCaFile: servers.database.caFile,
          queueUrl: servers.redis.queue.urlFor(service),
          cacheUrl: servers.redis.cache.urlFor(service),
          redisCaFile: servers.redis.queue.caFile,
          certificate: certificateFiles(profile.certificates, service),
        },
        state.secrets,
        ports,
      ),
    stop: () => (stopped ??= leave(profile, servers, lease)),
  };
}

async function leave(profile: Profile, servers: Servers, lease: Lock): Promise<void> {
  await withLock(profile.lockFile, async () => {
    lease.release();
    if (!new Leases(profile).inUse()) await servers.stop();
  });
}
