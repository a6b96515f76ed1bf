import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { certificateFiles, databaseServers } from './certificates.js';
import { run } from './command.js';
import { roleName, withClient } from './postgres-roles.js';
import type { Profile, ProfileState } from './profile.js';
import { aclFile, type RedisInstanceName } from './redis-acl.js';
import { redisConfiguration } from './redis-config.js';
import { redisUrl, withRedis } from './redis-server.js';
import type { RedisAddress, Servers } from './servers.js';

export type ContainerEngine = 'docker' | 'podman';

/** The container engine whose daemon answers and which knows compose. */
export async function findContainerEngine(): Promise<ContainerEngine | undefined> {
  for (const engine of ['docker', 'podman'] as const) {
    const answers = await run(engine, ['info'])
      .then(() => run(engine, ['compose', 'version']))
      .then(
        () => true,
        () => false,
      );
    if (answers) return engine;
  }
  return undefined;
}

/** Postgres and Redis in containers, from deploy/compose.yaml, private to the checkout and the profile. */
export function containerServers(
  engine: ContainerEngine,
  profile: Profile,
  state: ProfileState,
): Servers {
  const files = join(profile.directory, 'containers');
  const composeFile = join(resolve(profile.root), 'deploy', 'compose.yaml');
  const caFile = certificateFiles(profile.certificates, 'postgres').caFile;
  const admin = new URL(`postgres://localhost:${state.ports.postgres}/postgres`);
  admin.username = roleName('admin');
  admin.password = state.passwords.postgres.admin;

  const compose = (...args: string[]) =>
    run(
      engine,
      ['compose', '--file', composeFile, '--project-name', projectName(profile), ...args],
      {
        env: {
          ...process.env,
          CAPSTONE_FILES: files,
          CAPSTONE_POSTGRES_PORT: String(state.ports.postgres),
          CAPSTONE_REDIS_QUEUE_PORT: String(state.ports['redis-queue']),
          CAPSTONE_REDIS_CACHE_PORT: String(state.ports['redis-cache']),
        },
      },
    );
  const redis = (instance: RedisInstanceName): RedisAddress => ({
    caFile,
    urlFor: (user) =>
      redisUrl(state.ports[`redis-${instance}`], user, state.passwords[instance][user]),
  });
  const database = { adminUrl: admin.href, caFile };

  return {
    source: 'docker',
    origin: `containers (${engine})`,
    database,
    redis: { queue: redis('queue'), cache: redis('cache') },
    anyRunning: async () => (await compose('ps', '--quiet', '--status', 'running')).trim() !== '',
    start: async () => {
      // A state that is new knows no password of volumes that an older one has left.
      if (state.source !== 'docker') await compose('down', '--volumes');
      writeFiles(files, profile, state);
      await compose('up', '--detach', '--wait');
      await withClient(database.adminUrl, caFile, (client) => client.query('select'));
      await withRedis(redis('queue').urlFor('admin'), caFile, (client) => client.ping());
    },
    stop: async () => void (await compose('stop')),
    erase: async () => void (await compose('down', '--volumes')),
  };
}

function projectName(profile: Profile): string {
  const checkout = createHash('sha256').update(resolve(profile.root)).digest('hex').slice(0, 8);
  return `capstone-${checkout}-${profile.name}`;
}

/** What the containers mount read-only: certificates, configuration, the first password, the ACL users. */
function writeFiles(files: string, profile: Profile, state: ProfileState): void {
  const write = (server: string, name: string, content: string) =>
    writeFileSync(join(files, server, name), content, { mode: 0o600 });

  for (const server of databaseServers) {
    mkdirSync(join(files, server), { recursive: true, mode: 0o700 });
    const { certFile, keyFile, caFile } = certificateFiles(profile.certificates, server);
    write(server, 'server.crt', readFileSync(certFile, 'utf8'));
    write(server, 'server.key', readFileSync(keyFile, 'utf8'));
    write(server, 'ca.crt', readFileSync(caFile, 'utf8'));
  }
  write('postgres', 'password', state.passwords.postgres.admin);
  write(
    'postgres',
    'pg_hba.conf',
    'local all all scram-sha-256\nhostssl all all all scram-sha-256\n',
  );
  for (const instance of ['queue', 'cache'] as const) {
    const inside = { bind: '*', port: 6379, files: '/run/files', data: '/data' };
    write(`redis-${instance}`, 'users.acl', aclFile(instance, state.passwords[instance]));
    write(`redis-${instance}`, 'redis.conf', redisConfiguration(instance, inside));
  }
}
