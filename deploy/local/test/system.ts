import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@capstone/testing/wait-for';
import type { Redis } from 'ioredis';
import { Client } from 'pg';
import { services, type ServiceName } from '../src/certificates.js';
import { startInfra, type Infra } from '../src/infra.js';
import { migrateAll } from '../src/migrate-all.js';
import { freePort } from '../src/ports.js';
import { withRedis } from '../src/redis-server.js';
import { ServiceProcess } from '../src/service-process.js';
import type { StackPorts } from '../src/stack-ports.js';

/** The checkout. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * The three services as processes of their own, over a Postgres and two Redis that nobody else uses: a test may stop,
 * pause or kill any of them.
 */
export class System {
  readonly api: string;
  private readonly processes: Record<ServiceName, ServiceProcess>;

  private constructor(
    private readonly scratch: string,
    readonly infra: Infra,
    private readonly database: Client,
    readonly ports: StackPorts,
    private readonly env: Readonly<Record<string, string>>,
  ) {
    this.api = `http://localhost:${ports.http}/api/v1`;
    this.processes = mapServices((name) => this.process(name));
  }

  /** `env` is added to the environment of every service. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<System> {
    const scratch = mkdtempSync(join(tmpdir(), 'capstone-system-'));
    chmodSync(scratch, 0o755); // Postgres runs under an account of its own where the tests run as root
    const infra = await startInfra({ profile: 'test', root: scratch });
    await migrateAll(root, infra);
    const database = new Client({
      connectionString: infra.postgres.urlFor('admin', 'app'),
      ssl: { ca: readFileSync(infra.postgres.caFile!) },
    });
    await database.connect();
    const system = new System(scratch, infra, database, await freePorts(), env);
    await system.run(...services);
    return system;
  }

  async stop(): Promise<void> {
    await Promise.all(services.map((name) => this.processes[name].stop()));
    await this.database.end();
    await this.infra.stop();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  /** Starts services and waits until they take traffic. */
  async run(...names: ServiceName[]): Promise<void> {
    for (const name of names) this.processes[name].start();
    const stopping = new AbortController().signal;
    await Promise.all(names.map((name) => this.processes[name].waitUntilReady(stopping)));
  }

  /** What a service has logged since it was started last: one JSON object a line. */
  log(name: ServiceName): string {
    return readFileSync(this.processes[name].logFile, 'utf8');
  }

  /** SIGKILL: no drain, no goodbye. */
  async kill(name: ServiceName): Promise<void> {
    const pid = this.processes[name].pid!;
    process.kill(pid, 'SIGKILL');
    await waitFor(() => !isAlive(pid), { what: `${name} to be gone` });
  }

  /** Runs as a superuser, past every policy: what is really in the tables. */
  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.database.query<Row>(text, values)).rows;
  }

  /**
   * Holds a table so that whoever writes to it waits, and reports when somebody does. Release it, or close the
   * system.
   */
  async holdTable(table: string, mode: 'exclusive' | 'access exclusive') {
    const client = new Client({
      connectionString: this.infra.postgres.urlFor('admin', 'app'),
      ssl: { ca: readFileSync(this.infra.postgres.caFile!) },
    });
    await client.connect();
    await client.query(`begin; lock table ${table} in ${mode} mode`);
    return {
      somebodyWaits: async () => {
        const waiting = await this.sql(
          'select 1 from pg_locks where relation = $1::regclass and not granted',
          [table],
        );
        return waiting.length > 0;
      },
      release: () => client.end(),
    };
  }

  /** Runs commands on the queue Redis as its administrator. */
  onQueue<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const { queue } = this.infra.redis;
    return withRedis(queue.urlFor('admin'), queue.caFile, work);
  }

  /** The queue Redis takes nothing while `work` runs: it lets whoever writes wait. */
  withQueuePaused<T>(work: () => Promise<T>): Promise<T> {
    return this.onQueue(async (redis) => {
      await redis.call('client', 'pause', '60000', 'write');
      try {
        return await work();
      } finally {
        await redis.call('client', 'unpause');
      }
    });
  }

  /** Starts again whichever server of the infrastructure has stopped. */
  async reviveServers(): Promise<void> {
    const again = await startInfra({ profile: 'test', root: this.scratch });
    await again.stop(); // gives up this second use only
  }

  private process(name: ServiceName): ServiceProcess {
    const adminPort = this.ports.admin[name];
    return new ServiceProcess({
      name,
      root,
      logs: join(this.scratch, '.capstone', 'test', 'logs'),
      onDeath: () => undefined, // killing is what these tests are for
      adminPort,
      env: {
        ...this.infra.serviceEnv(name, { ...this.ports, admin: adminPort }),
        // One person who asks for a document's status until it is ready.
        ...(name === 'api' ? { RATE_LIMIT_CALLER: '100000/60' } : {}),
        ...this.env,
      },
    });
  }
}

/** Somebody who has registered and logged in through the public API. */
export class Person {
  private constructor(
    private readonly api: string,
    private readonly token: string,
  ) {}

  static async signUp(api: string): Promise<Person> {
    const credentials = {
      email: `person-${crypto.randomUUID()}@example.com`,
      password: 'correct horse battery staple',
    };
    await expectStatus(await post(`${api}/auth/register`, credentials), 202);
    const login = await expectStatus(await post(`${api}/auth/login`, credentials), 200);
    return new Person(api, (login as { accessToken: string }).accessToken);
  }

  /** Resolves to the new document's id; throws unless the API accepted it. */
  async upload(title: string, content: string): Promise<string> {
    const body = { title, content, contentType: 'text/markdown' };
    const response = await post(`${this.api}/documents`, body, this.token);
    return ((await expectStatus(response, 202)) as { id: string }).id;
  }

  async document(id: string): Promise<DocumentView> {
    const headers = { authorization: `Bearer ${this.token}` };
    const response = await fetch(`${this.api}/documents/${id}`, { headers });
    return (await expectStatus(response, 200)) as DocumentView;
  }

  async search(query: string): Promise<{ documentId: string; chunkId: string }[]> {
    const response = await post(`${this.api}/search`, { query, limit: 50 }, this.token);
    const { items } = (await expectStatus(response, 200)) as {
      items: { documentId: string; chunkId: string }[];
    };
    return items;
  }
}

export interface DocumentView {
  status: string;
  counts: { characters: number; chunks: number; embedded: number };
}

async function post(url: string, body: object, token?: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(body),
  });
}

async function expectStatus(response: Response, status: number): Promise<unknown> {
  const text = await response.text();
  if (response.status !== status) {
    throw new Error(`${response.url} answered ${response.status}, not ${status}: ${text}`);
  }
  return JSON.parse(text);
}

async function freePorts(): Promise<StackPorts> {
  return {
    http: await freePort(),
    grpc: await freePort(),
    admin: { api: await freePort(), auth: await freePort(), worker: await freePort() },
  };
}

function mapServices<T>(value: (name: ServiceName) => T): Record<ServiceName, T> {
  return { auth: value('auth'), api: value('api'), worker: value('worker') };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
