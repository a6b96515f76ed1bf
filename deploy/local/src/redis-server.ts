import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { certificateFiles } from './certificates.js';
import type { Account } from './command.js';
import type { Profile, ProfileState } from './profile.js';
import {
  aclFile,
  aclRules,
  redisUsers,
  type RedisInstanceName,
  type RedisUser,
} from './redis-acl.js';
import { redisConfiguration } from './redis-config.js';
import { startServer, waitUntilClosed } from './server-process.js';

/** One of the profile's two Redis servers, run from the programs of this machine. */
export class RedisServer {
  private readonly directory: string;
  readonly name: 'redis-queue' | 'redis-cache';

  constructor(
    private readonly profile: Profile,
    private readonly state: ProfileState,
    private readonly program: string,
    private readonly account: Account | undefined,
    private readonly instance: RedisInstanceName,
  ) {
    this.name = `redis-${instance}`;
    this.directory = profile.serverDirectory(this.name, account);
  }

  get port(): number {
    return this.state.ports[this.name];
  }

  async isRunning(): Promise<boolean> {
    return this.probe().then(
      () => true,
      () => false,
    );
  }

  async start(): Promise<void> {
    const configuration = this.writeConfiguration();
    await startServer({
      name: `Redis ${this.instance}`,
      program: this.program,
      args: [configuration],
      account: this.account,
      logFile: join(this.profile.logs, `${this.name}.log`),
      probe: () => this.probe(),
    });
  }

  /** Gives a server that runs already the users of this release; nobody is disconnected. */
  async refresh(): Promise<void> {
    const passwords = this.state.passwords[this.instance];
    await this.asAdmin(async (redis) => {
      for (const user of redisUsers) {
        await redis.acl(
          'SETUSER',
          user,
          'reset',
          ...aclRules(this.instance, user, passwords[user]),
        );
      }
    });
  }

  /** Writes what must be kept and ends; waits for the end. */
  async stop(): Promise<void> {
    // The server closes the connection instead of answering.
    await this.asAdmin((redis) => redis.shutdown('NOSAVE')).catch(() => undefined);
    await waitUntilClosed(this.port);
  }

  private async probe(): Promise<void> {
    await this.asAdmin((redis) => redis.ping());
  }

  private async asAdmin(work: (redis: Redis) => Promise<unknown>): Promise<void> {
    const caFile = certificateFiles(this.profile.certificates, this.name).caFile;
    const password = this.state.passwords[this.instance].admin;
    await withRedis(redisUrl(this.port, 'admin', password), caFile, work);
  }

  private writeConfiguration(): string {
    const { instance, directory } = this;
    const files = certificateFiles(this.profile.certificates, this.name);
    this.writeFile('server.crt', readFileSync(files.certFile, 'utf8'));
    this.writeFile('server.key', readFileSync(files.keyFile, 'utf8'));
    this.writeFile('ca.crt', readFileSync(files.caFile, 'utf8'));
    this.writeFile('users.acl', aclFile(instance, this.state.passwords[instance]));
    return this.writeFile(
      'redis.conf',
      redisConfiguration(instance, {
        bind: '127.0.0.1 -::1',
        port: this.port,
        files: directory,
        data: directory,
      }),
    );
  }

  private writeFile(name: string, content: string): string {
    const file = join(this.directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    if (this.account) chownSync(file, this.account.uid, this.account.gid);
    return file;
  }
}

/** The address of a Redis server on this machine under an ACL user; TLS only. */
export function redisUrl(port: number, user: RedisUser, password: string): string {
  return `rediss://${user}:${encodeURIComponent(password)}@localhost:${port}`;
}

/** Runs `work` on one connection, without retries, and closes it. */
export async function withRedis<T>(
  url: string,
  caFile: string | undefined,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    ...(caFile ? { tls: { ca: readFileSync(caFile), servername: new URL(url).hostname } } : {}),
  });
  redis.on('error', () => undefined); // the command in flight rejects as well
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
