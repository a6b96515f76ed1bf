import { createWorkerApp, type Running } from '@capstone/platform/bootstrap';
import { Database } from '@capstone/platform/database';
import { Health } from '@capstone/platform/health';
import { createLogger } from '@capstone/platform/log';
import { JobQueues } from '@capstone/platform/queue';
import { certificateFor } from '@capstone/testing/certs';
import { createTestDatabase, type TestDatabase } from '@capstone/testing/database';
import { testRedis, type TestRedis } from '@capstone/testing/redis';
import { waitFor } from '@capstone/testing/wait-for';
import { AppModule } from '../src/app.module.js';
import { loadConfig } from '../src/config.js';
import { TestWorkspace } from './workspace.js';

const logger = createLogger({ service: 'worker', level: 'fatal' });

/** A table whose lock a stage needs. While a test holds it, the worker is provably inside that stage. */
export type StageTable =
  | 'app.document_versions'
  | 'app.document_texts'
  | 'search.chunks'
  | 'search.embedding_models'
  | 'search.workspace_stats';

export interface HeldTable {
  /** Resolves when a worker waits for the table. */
  reached(): Promise<boolean>;
  release(): Promise<void>;
}

/** A database, a queue, and any number of workers on them. */
export class TestWorkers {
  private readonly running = new Set<Running>();
  private readonly held = new Set<HeldTable>();

  private constructor(
    readonly database: TestDatabase,
    readonly redis: TestRedis,
    readonly api: Database,
    readonly admin: Database,
    readonly queues: JobQueues,
    private readonly settings: Record<string, string>,
  ) {}

  /** Leases and looks of the reaper are short unless `settings` says otherwise. No worker runs yet. */
  static async prepare(settings: Record<string, string> = {}): Promise<TestWorkers> {
    const database = await createTestDatabase('app');
    const redis = testRedis();
    const connect = (role: 'api' | 'admin') =>
      new Database({
        url: database.urlFor(role),
        caFile: database.caFile,
        poolSize: 4,
        pipelines: 1,
        statementTimeoutMs: 30_000,
        applicationName: `test-${role}`,
        logger,
      });
    const queues = new JobQueues({
      url: redis.queueUrl('api'),
      caFile: redis.caFile,
      keyPrefix: redis.prefix,
      name: 'test',
      logger,
    });
    return new TestWorkers(database, redis, connect('api'), connect('admin'), queues, settings);
  }

  /** What a worker process is configured with. */
  get env(): Record<string, string> {
    const { database, redis } = this;
    const { caFile, certFile, keyFile } = certificateFor('worker');
    return {
      LOG_LEVEL: 'fatal',
      ADMIN_PORT: '0',
      DATABASE_URL: database.urlFor('worker'),
      ...(database.caFile && { DATABASE_CA_FILE: database.caFile }),
      REDIS_QUEUE_URL: redis.queueUrl('worker'),
      REDIS_CACHE_URL: redis.cacheUrl('worker'),
      ...(redis.caFile && { REDIS_CA_FILE: redis.caFile }),
      REDIS_KEY_PREFIX: redis.prefix,
      TLS_CA_FILE: caFile,
      TLS_CERT_FILE: certFile,
      TLS_KEY_FILE: keyFile,
      // Long, so that a worker waits as long as a test holds it.
      DATABASE_STATEMENT_TIMEOUT_MS: '60000',
      INGESTION_LEASE_MS: '2000',
      REAPER_INTERVAL_MS: '200',
      REAPER_GRACE_MS: '1000',
      ...this.settings,
    };
  }

  async start({
    health = new Health(),
    env = {},
  }: { health?: Health; env?: Record<string, string> } = {}): Promise<Running> {
    const worker = await createWorkerApp(AppModule, {
      name: 'worker',
      config: loadConfig({ ...this.env, ...env }),
      logger,
      health,
      stopping: new AbortController().signal,
    });
    this.running.add(worker);
    return worker;
  }

  async stop(worker: Running): Promise<void> {
    this.running.delete(worker);
    await worker.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.held].map((table) => table.release()));
    await Promise.all([...this.running].map((worker) => worker.close()));
    await Promise.all([this.queues.close(), this.api.close(), this.admin.close()]);
    await this.redis.flush();
    await this.database.drop();
  }

  newWorkspace(): TestWorkspace {
    return new TestWorkspace(this.api, this.queues);
  }

  /** Keeps every worker that needs rows of `table` waiting; plain reads go on. */
  async hold(table: StageTable): Promise<HeldTable> {
    const locked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const holding = this.admin.transaction({}, async (tx) => {
      await tx.query(`test.lock_${table}`, `lock table ${table} in exclusive mode`);
      locked.resolve();
      await released.promise;
    });
    await Promise.race([locked.promise, holding]);
    const held = {
      reached: () =>
        waitFor(() => this.isAwaited(table), { timeoutMs: 20_000, what: `a worker at ${table}` }),
      release: async () => {
        this.held.delete(held);
        released.resolve();
        await holding;
      },
    };
    this.held.add(held);
    return held;
  }

  private async isAwaited(table: StageTable): Promise<boolean> {
    const waiting = await this.admin.unscoped.query(
      'test.find_waiting',
      `select from pg_locks
       where not granted
         and relation = $1::regclass
         and database = (select oid from pg_database where datname = current_database())`,
      [table],
    );
    return waiting.length > 0;
  }

  /** How many rows of the document are left, by table. */
  async rowsOf(documentId: string): Promise<Record<string, number>> {
    const [row] = await this.admin.unscoped.query<Record<string, number>>(
      'test.rows_of_document',
      `select
         (select count(*)::int from app.documents where id = $1) as documents,
         (select count(*)::int from app.document_versions where document_id = $1) as versions,
         (select count(*)::int from app.document_originals where document_id = $1) as originals,
         (select count(*)::int from app.document_texts where document_id = $1) as texts,
         (select count(*)::int from search.revisions where document_id = $1) as revisions,
         (select count(*)::int from search.document_attributes where document_id = $1) as attributes`,
      [documentId],
    );
    return row!;
  }
}
