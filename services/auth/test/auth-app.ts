import { createHash, randomBytes } from 'node:crypto';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { v7 as uuidv7 } from 'uuid';
import { onTestFinished } from 'vitest';
import { AccountsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import { ApiKeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/api_keys_service';
import { AuditServiceService } from '@capstone/contracts/generated/capstone/auth/v1/audit_service';
import { DeletionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/deletions_service';
import { InvitationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/invitations_service';
import { KeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import { MfaServiceService } from '@capstone/contracts/generated/capstone/auth/v1/mfa_service';
import { RevocationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/revocations_service';
import { SessionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { WorkspacesServiceService } from '@capstone/contracts/generated/capstone/auth/v1/workspaces_service';
import { AccessClaims } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { createGrpcClient, openGrpcChannel } from '@capstone/platform/grpc-client';
import type { GrpcChannel, GrpcClient } from '@capstone/platform/grpc-client';
import { Health } from '@capstone/platform/health';
import { createLogger } from '@capstone/platform/log';
import type { Logger } from '@capstone/platform/log';
import { ReloadingTls } from '@capstone/platform/tls';
import { certificateFor } from '@capstone/testing/certs';
import { createTestDatabase } from '@capstone/testing/database';
import type { TestDatabase } from '@capstone/testing/database';
import { testRedis } from '@capstone/testing/redis';
import type { TestRedis } from '@capstone/testing/redis';
import { runCommandLine } from '../src/commands/command-line.js';
import { loadConfig } from '../src/config.js';
import { open } from '../src/seal.js';
import { startAuth } from '../src/start.js';
import { passwordHashDuration } from '../src/metrics.js';

/** Like the settings of a deployment: they outlive a process and are the same for all of them. */
export const secrets = {
  AUTH_PASSWORD_PEPPER: randomBytes(32).toString('base64'),
  AUTH_TOKEN_PEPPER: randomBytes(32).toString('base64'),
  AUTH_KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
};

export type AuthClient = Awaited<ReturnType<typeof connect>>;

export interface Person {
  readonly email: string;
  readonly password: string;
}

/** The service in this process, on its real port, with a database and a key prefix of its own, called as api would. */
export class AuthApp {
  private constructor(
    readonly database: TestDatabase,
    readonly redis: TestRedis,
    readonly logLines: string[],
    readonly port: number,
    /** A superuser's view, past row-level security: what somebody who stole the database reads. */
    readonly admin: Database,
    readonly as: { api: AuthClient; worker: AuthClient },
    private readonly closers: (() => Promise<void> | void)[],
  ) {}

  static async start(overrides: Record<string, string> = {}): Promise<AuthApp> {
    const database = await createTestDatabase('auth');
    const redis = testRedis();
    const logLines: string[] = [];
    const logger = createLogger({
      service: 'auth',
      level: 'info',
      destination: { write: (line: string) => void logLines.push(line) },
    });
    const process = await startProcess({ database, redis, logger, overrides });
    const admin = connectAdmin(database, logger);
    const [api, worker] = await Promise.all([
      connect('api', process.port),
      connect('worker', process.port),
    ]);
    return new AuthApp(database, redis, logLines, process.port, admin, { api, worker }, [
      () => api.close(),
      () => worker.close(),
      () => process.close(),
      () => admin.close(),
      () => redis.flush(),
      () => database.drop(),
    ]);
  }

  async stop(): Promise<void> {
    for (const close of this.closers) await close();
  }

  /** Another process of the same deployment, until the test ends. */
  async startAnother(overrides: Record<string, string> = {}): Promise<AuthClient> {
    const logger = createLogger({ service: 'auth', level: 'silent' });
    const { database, redis } = this;
    const process = await startProcess({ database, redis, logger, overrides });
    const api = await connect('api', process.port);
    onTestFinished(async () => {
      api.close();
      await process.close();
    });
    return api;
  }

  /** `pnpm capstone …` beside the running processes. */
  async command(...words: string[]): Promise<{ exitCode: number; lines: string[] }> {
    const { database, redis } = this;
    const lines: string[] = [];
    const config = configOf({ database, redis, overrides: {} });
    const exitCode = await runCommandLine(
      words,
      () => config,
      (line) => lines.push(line),
    );
    return { exitCode, lines };
  }

  async signUp(): Promise<Person> {
    const person = somebody();
    await this.as.api.accounts.register({ ...person, name: undefined, source: undefined });
    return person;
  }

  async signIn(person?: Person, workspaceId?: string) {
    const { email, password } = person ?? (await this.signUp());
    const { tokens } = await this.as.api.accounts.login({
      email,
      password,
      workspaceId,
      source: undefined,
    });
    return { ...tokens!, email, claims: claimsOf(tokens!.accessToken) };
  }

  refresh(refreshToken: string) {
    return this.as.api.sessions
      .refresh({ refreshToken, source: undefined })
      .then(({ tokens }) => ({ ...tokens!, claims: claimsOf(tokens!.accessToken) }));
  }

  me(accessToken: string) {
    return this.as.api.sessions.getMe({}, bearing(accessToken));
  }

  logout(accessToken: string) {
    return this.as.api.sessions.logout({}, bearing(accessToken));
  }

  /** What has been written to this address, oldest first, opened as the service itself would. */
  async mailsTo(email: string): Promise<Record<string, string>[]> {
    const key = Buffer.from(secrets.AUTH_KEY_ENCRYPTION_KEY, 'base64');
    const mails = await this.query<{ id: string; sealed: Buffer }>(
      'select id, sealed_content as sealed from auth.mails order by id',
    );
    return mails
      .map(({ id, sealed }) => JSON.parse(open(key, sealed, Buffer.from(id)).toString()))
      .filter((mail: { to: string }) => mail.to === email);
  }

  query<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
    const name = createHash('sha256').update(text).digest('hex').slice(0, 16);
    return this.admin.unscoped.query<Row>(name, text, values);
  }
}

export function bearing(accessToken: string) {
  return { metadata: { authorization: `Bearer ${accessToken}` } };
}

export function somebody(): Person {
  return { email: `${uuidv7()}@example.com`, password: randomBytes(16).toString('base64') };
}

export function claimsOf(accessToken: string): AccessClaims & { iss: string; aud: string } {
  const payload = accessToken.split('.')[1]!;
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return AccessClaims.loose().parse(claims) as AccessClaims & { iss: string; aud: string };
}

/** The calls of one workload to one process. */
export async function connect(
  workload: 'api' | 'worker',
  port: number,
  files = certificateFor(workload),
) {
  const tls = await ReloadingTls.open(files, {
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
  const channel = openGrpcChannel({
    target: `localhost:${port}`,
    tls,
    server: 'auth',
    deadlineMs: 10_000,
  });
  return {
    accounts: client(AccountsServiceService, channel),
    mfa: client(MfaServiceService, channel),
    sessions: client(SessionsServiceService, channel),
    workspaces: client(WorkspacesServiceService, channel),
    invitations: client(InvitationsServiceService, channel),
    apiKeys: client(ApiKeysServiceService, channel),
    audit: client(AuditServiceService, channel),
    deletions: client(DeletionsServiceService, channel),
    keys: client(KeysServiceService, channel),
    revocations: client(RevocationsServiceService, channel),
    close() {
      channel.close();
      tls.close();
    },
  };
}

function client<S extends ServiceDefinition>(service: S, channel: GrpcChannel): GrpcClient<S> {
  return createGrpcClient(service, channel);
}

function startProcess(options: {
  database: TestDatabase;
  redis: TestRedis;
  logger: Logger;
  overrides: Record<string, string>;
}) {
  const { logger } = options;
  const config = configOf(options);
  const stopping = new AbortController().signal;
  return startAuth({ name: 'auth', config, logger, health: new Health(), stopping });
}

function connectAdmin(database: TestDatabase, logger: Logger): Database {
  return new Database({
    url: database.urlFor('admin'),
    caFile: database.caFile,
    poolSize: 2,
    pipelines: 1,
    statementTimeoutMs: 5_000,
    applicationName: 'test',
    logger,
  });
}

function configOf({
  database,
  redis,
  overrides,
}: {
  database: TestDatabase;
  redis: TestRedis;
  overrides: Record<string, string>;
}) {
  const certificate = certificateFor('auth');
  return loadConfig({
    DATABASE_URL: database.urlFor('auth'),
    DATABASE_CA_FILE: database.caFile,
    REDIS_QUEUE_URL: redis.queueUrl('auth'),
    REDIS_CACHE_URL: redis.cacheUrl('auth'),
    REDIS_CA_FILE: redis.caFile,
    REDIS_KEY_PREFIX: redis.prefix,
    TLS_CA_FILE: certificate.caFile,
    TLS_CERT_FILE: certificate.certFile,
    TLS_KEY_FILE: certificate.keyFile,
    GRPC_PORT: '0',
    AUTH_LIMIT_ACCOUNT_SOURCE: '100000/1',
    AUTH_LIMIT_SOURCE: '100000/1',
    ...secrets,
    ...overrides,
  });
}

/** Password hashes computed so far. It is the hash that takes the time of an answer, so equal counts are equal times. */
export async function hashesMade(): Promise<number> {
  const { values } = await passwordHashDuration.get();
  return values.find(({ metricName }) => metricName?.endsWith('_count'))?.value ?? 0;
}
