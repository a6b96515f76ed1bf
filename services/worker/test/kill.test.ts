import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { waitFor } from '@capstone/testing/wait-for';
import { TestWorkers, type StageTable } from './worker-app.js';
import { longText } from './workspace.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let workers: TestWorkers;
afterEach(() => workers.close());

describe('a worker that is killed', () => {
  // The last of these is the publication of the whole version.
  test.each([
    { status: 'received', table: 'app.document_versions' },
    { status: 'extracting', table: 'app.document_texts' },
    { status: 'chunking', table: 'search.chunks' },
    { status: 'embedding', table: 'search.embedding_models' },
    { status: 'embedding', table: 'search.workspace_stats' },
  ] as const)('in $status, at $table, leaves a document that becomes ready', async (stage) => {
    await survivesKill(stage);
  });

  test(
    'is replaced within 60 seconds with the settings of production',
    { timeout: 90_000 },
    async () => {
      const production = { INGESTION_LEASE_MS: '', REAPER_INTERVAL_MS: '', REAPER_GRACE_MS: '' };
      const stage = { status: 'embedding', table: 'search.embedding_models' } as const;
      const killedAt = await survivesKill(stage, production);

      expect(performance.now() - killedAt).toBeLessThan(60_000);
    },
  );
});

describe('the process', () => {
  test('is ready soon, and ends with 0 on SIGTERM', async () => {
    workers = await TestWorkers.prepare();
    const worker = await launchReady();

    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
  });

  test.each([
    ['the database cannot be reached', { DATABASE_URL: 'postgres://a:b@localhost:1/app' }, /:1\b/],
    ['a setting is wrong', { INGESTION_CONCURRENCY: 'many' }, /INGESTION_CONCURRENCY: /],
  ])('ends with 1 and a sentence when %s', async (_what, env, sentence) => {
    workers = await TestWorkers.prepare();
    const worker = launch(env);
    let complaint = '';
    worker.stderr!.on('data', (text: Buffer) => (complaint += text.toString()));

    const [exitCode] = (await once(worker, 'close')) as [number];
    expect(exitCode).toBe(1);
    expect(complaint).toMatch(sentence);
    expect(complaint).not.toContain('    at ');
  });
});

/** Kills the only worker while it waits for `table`, and starts another. Gives back when it was killed. */
async function survivesKill(
  { status, table }: { status: string; table: StageTable },
  settings: Record<string, string> = {},
) {
  workers = await TestWorkers.prepare(settings);
  const workspace = workers.newWorkspace();
  const first = await launchReady();
  const id = await workspace.store({ content: longText(400), title: 'Survivor' });
  const held = await workers.hold(table);
  await workspace.enqueue(id);
  await held.reached();
  expect(await workspace.version(id)).toMatchObject({ status });

  first.kill('SIGKILL');
  const killedAt = performance.now();
  await once(first, 'exit');
  await held.release();
  launch();

  const version = await workspace.becomes('ready', id, { timeoutMs: 60_000 });
  expect(version.embedded).toBe(version.chunks);
  expect(await workers.rowsOf(id)).toMatchObject({ revisions: 1, texts: 1 });
  const [chunks] = await workers.admin.unscoped.query<{ all: number; different: number }>(
    'test.count_chunks',
    `select count(*)::int as "all", count(distinct c.ordinal)::int as "different"
     from search.revisions r
     join search.chunks c on c.workspace_id = r.workspace_id and c.revision_id = r.id
     where r.document_id = $1`,
    [id],
  );
  expect(chunks).toEqual({ all: version.chunks, different: version.chunks });
  return killedAt;
}

async function launchReady(): Promise<ChildProcess> {
  const adminPort = await freePort();
  const worker = launch({ ADMIN_PORT: adminPort });
  const isReady = () => fetch(`http://127.0.0.1:${adminPort}/readyz`).then(({ ok }) => ok);
  await waitFor(isReady, { what: 'readiness' });
  return worker;
}

function launch(env: Record<string, string> = {}): ChildProcess {
  const worker = spawn(process.execPath, [main], {
    env: { ...workers.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void worker.kill('SIGKILL'));
  return worker;
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}
