import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import type { Role } from '@capstone/contracts/permissions';
import { revocationStream, type RevocationKind } from '@capstone/contracts/revocations';
import { Health } from '@capstone/platform/health';
import type { HttpApp } from '@capstone/platform/http-app';
import { createLogger, type Logger } from '@capstone/platform/log';
import { certificateFor } from '@capstone/testing/certs';
import { createTestDatabase, type TestDatabase } from '@capstone/testing/database';
import { testRedis, type TestRedis } from '@capstone/testing/redis';
import { waitFor } from '@capstone/testing/wait-for';
import { createApi } from '../src/app.js';
import { loadConfig, type Config } from '../src/config.js';
import { FakeAuth } from './fake-auth.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Body;
  readonly text: string;
}

export interface RequestOptions {
  readonly headers?: Record<string, string>;
  /** Sent as JSON, unless it is text or bytes already. */
  readonly body?: unknown;
}

/** A caller with a token of its own. Two of one workspace share `workspaceId`. */
export class TestUser {
  constructor(
    private readonly api: TestApi,
    readonly token: string,
    readonly userId: string,
    readonly workspaceId: string,
    readonly sessionId: string,
  ) {}

  get authorization() {
    return { authorization: `Bearer ${this.token}` };
  }

  request<Body = Record<string, unknown>>(
    method: Method,
    url: string,
    { headers, body }: RequestOptions = {},
  ) {
    return this.api.request<Body>(method, url, {
      headers: { ...this.authorization, ...headers },
      body,
    });
  }

  get<Body = Record<string, unknown>>(url: string, headers?: Record<string, string>) {
    return this.request<Body>('GET', url, headers && { headers });
  }

  post<Body = Record<string, unknown>>(
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) {
    return this.request<Body>('POST', url, { body, ...(headers && { headers }) });
  }

  put<Body = Record<string, unknown>>(
    url: string,
    body: unknown,
    headers?: Record<string, string>,
  ) {
    return this.request<Body>('PUT', url, { body, ...(headers && { headers }) });
  }

  patch<Body = Record<string, unknown>>(
    url: string,
    body: unknown,
    headers?: Record<string, string>,
  ) {
    return this.request<Body>('PATCH', url, { body, ...(headers && { headers }) });
  }

  delete(url: string, headers?: Record<string, string>) {
    return this.request('DELETE', url, headers && { headers });
  }
}

/** The real service on a real Postgres and Redis; only auth is a fake that speaks its contract. */
export class TestApi {
  private constructor(
    readonly app: HttpApp,
    readonly auth: FakeAuth,
    readonly database: TestDatabase,
    readonly redis: TestRedis,
    readonly queue: Redis,
    readonly config: Config,
    private readonly heartbeat: NodeJS.Timeout,
    private readonly stopAuth: () => Promise<void>,
  ) {}

  /** `env` replaces settings: limits are out of the way by default. `sharedAuth` belongs to another api and goes on. */
  static async start(env: Record<string, string> = {}, sharedAuth?: FakeAuth): Promise<TestApi> {
    const database = await createTestDatabase('app');
    const auth = sharedAuth ?? (await FakeAuth.start());
    const redis = testRedis();
    const config = loadConfig({ ...settings({ database, auth, redis }), ...env });
    const queue = connectAdmin(redis);
    const heartbeat = beat(queue, redis.prefix);
    const app = await createApi({
      name: 'api',
      config,
      logger: silentLogger(),
      health: new Health(),
      stopping: new AbortController().signal,
    });
    const stopAuth = sharedAuth ? async () => undefined : () => auth.stop();
    const api = new TestApi(app, auth, database, redis, queue, config, heartbeat, stopAuth);
    await api.becomesReady();
    return api;
  }

  async stop(): Promise<void> {
    clearInterval(this.heartbeat);
    await this.app.close();
    await this.stopAuth();
    await this.redis.flush();
    this.queue.disconnect();
    await this.database.drop();
  }

  /** Signs somebody in: into a workspace of their own, or into `workspaceId`. */
  async signIn(options: { role?: Role; workspaceId?: string; userId?: string } = {}) {
    const { role = 'owner', workspaceId = uuidv7(), userId = uuidv7() } = options;
    const sessionId = uuidv7();
    const token = await this.auth.signFor({ userId, workspaceId, sessionId }, role);
    return new TestUser(this, token, userId, workspaceId, sessionId);
  }

  async request<Body = Record<string, unknown>>(
    method: Method,
    url: string,
    { headers = {}, body }: RequestOptions = {},
  ): Promise<Answer<Body>> {
    const isRaw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const response = await this.app.fastify.inject({
      method,
      url,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { payload: isRaw ? body : JSON.stringify(body) }),
    });
    const isJson =
      /[/+]json/.test(String(response.headers['content-type'])) && response.body !== '';
    return {
      status: response.statusCode,
      headers: response.headers as Answer['headers'],
      body: (isJson ? response.json() : undefined) as Body,
      text: response.body,
    };
  }

  /** What auth does when a session ends. */
  async revoke(id: string, kind: RevocationKind = 'session'): Promise<void> {
    const fields = { kind, id, revokedAtMs: Date.now() };
    await this.queue.xadd(
      revocationStream(this.redis.prefix),
      '*',
      ...Object.entries(fields).flat(),
    );
  }

  private async becomesReady() {
    const probe = await this.signIn();
    await waitFor(async () => (await probe.get('/api/v1/tasks')).status === 200, {
      what: 'the api to know keys and revocations',
    });
  }
}

function settings({
  database,
  auth,
  redis,
}: {
  database: TestDatabase;
  auth: FakeAuth;
  redis: TestRedis;
}): Record<string, string> {
  const { caFile, certFile, keyFile } = certificateFor('api');
  return {
    ADMIN_PORT: '0',
    HTTP_PORT: '0',
    HTTP_MAX_EVENT_LOOP_DELAY_MS: '60000',
    DATABASE_URL: database.urlFor('api'),
    ...(database.caFile && { DATABASE_CA_FILE: database.caFile }),
    REDIS_QUEUE_URL: redis.queueUrl('api'),
    REDIS_CACHE_URL: redis.cacheUrl('api'),
    ...(redis.caFile && { REDIS_CA_FILE: redis.caFile }),
    REDIS_KEY_PREFIX: redis.prefix,
    TLS_CA_FILE: caFile,
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    AUTH_GRPC_TARGET: `localhost:${auth.port}`,
    RATE_LIMIT_CALLER: '100000/1',
    RATE_LIMIT_SOURCE: '100000/1',
    RATE_LIMIT_SIGN_IN: '100000/1',
  };
}

function connectAdmin(redis: TestRedis): Redis {
  return new Redis(redis.queueUrl('admin'), {
    ...(redis.caFile && { tls: { ca: readFileSync(redis.caFile) } }),
  });
}

/** As auth does, only more often. */
function beat(queue: Redis, prefix: string) {
  const send = () =>
    void queue.xadd(revocationStream(prefix), '*', 'kind', 'heartbeat', 'asOfMs', Date.now());
  send();
  return setInterval(send, 500);
}

function silentLogger(): Logger {
  return createLogger({ service: 'api', level: 'fatal' });
}
