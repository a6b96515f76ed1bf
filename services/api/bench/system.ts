import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startInfra } from '@capstone/local/infra';
import { freePort } from '@capstone/local/ports';
import { ServiceProcess } from '@capstone/local/service-process';
import { createTestDatabase } from '@capstone/testing/database';
import { prepareTemplate } from '@capstone/testing/template-database';
import { describeInfra } from '@capstone/testing/test-infra';
import { waitFor } from '@capstone/testing/wait-for';

export interface System {
  readonly origin: string;
  readonly token: string;
  /** CPU seconds that the api process has used so far. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** auth and api as they run anywhere, on databases of their own, with mutual TLS between them. Only the limits are raised. */
export async function startSystem(
  root: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<System> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const infra = await startInfra({ profile: 'test', root });
    closers.push(() => infra.stop());
    const options = {
      root,
      adminUrl: infra.postgres.urlFor('admin', 'postgres'),
      migratorUrl: infra.postgres.urlFor('migrator', 'postgres'),
      caFile: infra.postgres.caFile,
    };
    const templates = {
      app: await prepareTemplate('app', options),
      auth: await prepareTemplate('auth', options),
    };
    const { postgres } = describeInfra(infra, templates, infra.certificates.for('api'));
    const app = await createTestDatabase('app', postgres);
    closers.push(() => app.drop());
    const accounts = await createTestDatabase('auth', postgres);
    closers.push(() => accounts.drop());

    const [http, grpc] = [await freePort(), await freePort()];
    const start = async (name: 'auth' | 'api', databaseUrl: string) => {
      const adminPort = await freePort();
      const logs = join(root, '.capstone', 'bench');
      mkdirSync(logs, { recursive: true });
      const env = {
        ...infra.serviceEnv(name, { http, grpc, admin: adminPort }),
        DATABASE_URL: databaseUrl,
        REDIS_KEY_PREFIX: 'capstone-bench',
        RATE_LIMIT_CALLER: '100000000/1',
        RATE_LIMIT_SOURCE: '100000000/1',
        ...settings,
      };
      const service = new ServiceProcess({ name, root, logs, adminPort, env, onDeath: fail });
      closers.push(() => service.stop());
      service.start();
      await service.waitUntilReady(new AbortController().signal);
      return adminPort;
    };
    await start('auth', accounts.urlFor('auth'));
    const adminPort = await start('api', app.urlFor('api'));

    const origin = `http://127.0.0.1:${http}`;
    const token = await signIn(origin);
    return { origin, token, cpuSeconds: () => scrapeCpuSeconds(adminPort), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function fail(fault: Error) {
  throw fault;
}

async function signIn(origin: string): Promise<string> {
  const account = { email: 'bench@example.com', password: 'a password for the bench' };
  const post = (path: string) =>
    fetch(`${origin}/api/v1/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(account),
    });
  await post('register');
  const login = await waitFor(
    async () => {
      const answer = await post('login');
      return answer.ok && answer.json();
    },
    { what: 'the account to exist' },
  );
  return (login as { accessToken: string }).accessToken;
}

async function scrapeCpuSeconds(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^process_cpu_seconds_total ([\d.e+-]+)/m.exec(text)?.[1]);
}
