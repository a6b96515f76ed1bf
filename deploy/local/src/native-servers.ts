import { findAccount, isRoot } from './accounts.js';
import { certificateFiles } from './certificates.js';
import type { Account } from './command.js';
import { OperatorError } from './operator-error.js';
import { freePort, isPortFree } from './ports.js';
import { PostgresServer } from './postgres-server.js';
import type { Profile, ProfileState } from './profile.js';
import type { PostgresPrograms, RedisProgram } from './programs.js';
import type { RedisInstanceName } from './redis-acl.js';
import { RedisServer, redisUrl } from './redis-server.js';
import type { RedisAddress, Servers } from './servers.js';

/** Postgres and Redis run from programs of this machine, private to the checkout. */
export class NativeServers implements Servers {
  readonly source = 'native';
  readonly origin: string;
  private readonly postgres: PostgresServer;
  private readonly redisServers: RedisServer[];

  constructor(
    private readonly profile: Profile,
    private readonly state: ProfileState,
    { postgres, redis }: { postgres: PostgresPrograms; redis: RedisProgram },
    accounts: ServerAccounts,
  ) {
    this.origin = `programs on this machine (${postgres.bin}, ${redis.program})`;
    this.postgres = new PostgresServer(profile, state, postgres, accounts.postgres);
    this.redisServers = [
      new RedisServer(profile, state, redis.program, accounts.redis, 'queue'),
      new RedisServer(profile, state, redis.program, accounts.redis, 'cache'),
    ];
  }

  get database() {
    return this.postgres.address;
  }

  get redis() {
    return { queue: this.redisAddress('queue'), cache: this.redisAddress('cache') };
  }

  private get all(): (PostgresServer | RedisServer)[] {
    return [this.postgres, ...this.redisServers];
  }

  async anyRunning(): Promise<boolean> {
    return (await this.running()).length > 0;
  }

  async start(): Promise<void> {
    const running = await this.running();
    await Promise.all(
      this.redisServers
        .filter((server) => running.includes(server))
        .map((server) => server.refresh()),
    );

    const stopped = this.all.filter((server) => !running.includes(server));
    for (const server of stopped) await this.movePortIfTaken(server.name);
    const results = await Promise.allSettled(stopped.map((server) => server.start()));
    const failure = results.find((result) => result.status === 'rejected');
    if (!failure) return;
    const started = stopped.filter((_, index) => results[index]?.status === 'fulfilled');
    await Promise.all(started.map((server) => server.stop()));
    throw failure.reason;
  }

  async stop(): Promise<void> {
    const running = await this.running();
    await Promise.all(running.map((server) => server.stop()));
  }

  /** The data lies in the profile's folder and goes with it. */
  erase(): Promise<void> {
    this.profile.remove();
    return Promise.resolve();
  }

  private async running(): Promise<(PostgresServer | RedisServer)[]> {
    const answers = await Promise.all(this.all.map((server) => server.isRunning()));
    return this.all.filter((_, index) => answers[index]);
  }

  // Nothing outside remembers these ports, so another program that took one in the meantime may keep it.
  private async movePortIfTaken(name: keyof ProfileState['ports']): Promise<void> {
    if (await isPortFree(this.state.ports[name])) return;
    this.state.ports[name] = await freePort();
    this.profile.saveState(this.state);
  }

  private redisAddress(instance: RedisInstanceName): RedisAddress {
    const name = `redis-${instance}` as const;
    return {
      caFile: certificateFiles(this.profile.certificates, name).caFile,
      urlFor: (user) =>
        redisUrl(this.state.ports[name], user, this.state.passwords[instance][user]),
    };
  }
}

export interface ServerAccounts {
  postgres: Account | undefined;
  redis: Account | undefined;
}

/** Root runs no server: the accounts of the packages do. Anybody else runs them as themselves. */
export async function serverAccounts(): Promise<ServerAccounts> {
  if (!isRoot()) return { postgres: undefined, redis: undefined };
  const postgres = await findAccount('postgres');
  if (!postgres) {
    throw new OperatorError(
      'Postgres does not run as root and this machine has no user "postgres": start as another user, or create that one.',
    );
  }
  return { postgres, redis: (await findAccount('redis')) ?? (await findAccount('valkey')) };
}
