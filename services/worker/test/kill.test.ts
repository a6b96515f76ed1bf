import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, type TestContext } from 'vitest';
import { freePort } from '@capstone/local/ports';
import { waitFor } from '@capstone/testing/wait-for';
import { TestWorkers, type StageTable } from './worker-app.js';
import { longText } from './workspace.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

type AtEnd = TestContext['onTestFinished'];

// They wait for leases to run out most of the time, so they wait together.
describe.concurrent('a worker that is killed', { timeout: 90_000 }, () => {
  // The last of these is the publication of the whole version.
  test.for([
    { status: 'received', table: 'app.document_versions' },
    { status: 'extracting', table: 'app.document_texts' },
    { status: 'chunking', table: 'search.chunks' },
    { status: 'embedding', table: 'search.embedding_models' },
    { status: 'embedding', table: 'search.workspace_stats' },
  ] as const)(
    'in $status, at $table, leaves a document that becomes ready',
    async (stage, { onTestFinished }) => {
      await killAndRecover(stage, onTestFinished);
    },
  );
});

describe('the process', () => {
  test('is ready soon, and ends with 0 on SIGTERM', async ({ onTestFinished }) => {
    const workers = await prepare(onTestFinished);
    const worker = await launchReady(workers, onTestFinished);

    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
  });

  test.for([
    ['the database cannot be reached', { DATABASE_URL: 'postgres://a:b@localhost:1/app' }, /:1\b/],
    ['a setting is wrong', { INGESTION_CONCURRENCY: 'many' }, /INGESTION_CONCURRENCY: /],
  ] as const)(
    'ends with 1 and a sentence when %s',
    async ([, settings, sentence], { onTestFinished }) => {
      const workers = await prepare(onTestFinished, settings);
      const worker = launch(workers.env, onTestFinished);
      let complaint = '';
      worker.stderr!.on('data', (text: Buffer) => (complaint += text.toString()));

      const [exitCode] = (await once(worker, 'close')) as [number];
      expect(exitCode).toBe(1);
      expect(complaint).toMatch(sentence);
      expect(complaint).not.toContain('    at ');
    },
  );
});

/** Kills the only worker while it waits for `table`, and starts another. */
async function killAndRecover(
  { status, table }: { status: string; table: StageTable },
  atEnd: AtEnd,
): Promise<void> {
  const workers = await prepare(atEnd);
  const workspace = workers.newWorkspace();
  const first = await launchReady(workers, atEnd);
  const id = await workspace.store({ content: longText(400), title: 'Survivor' });
  const held = await workers.hold(table);
  await workspace.enqueue(id);
  await held.reached();
  expect(await workspace.version(id)).toMatchObject({ status });

  first.kill('SIGKILL');
  await once(first, 'exit');
  await held.release();
  launch(workers.env, atEnd);

  const version = await workspace.becomes('ready', id, { timeoutMs: 60_000 });
  expect(version.embedded).toBe(version.chunks);
  expect(await workers.rowsOf(id)).toMatchObject({ revisions: 1, texts: 1 });
  expect(await countChunks(workers, id)).toEqual({
    all: version.chunks,
    different: version.chunks,
  });
}

async function countChunks(workers: TestWorkers, documentId: string) {
  const [count] = await workers.admin.unscoped.query<{ all: number; different: number }>(
    'test.count_chunks',
    `select count(*)::int as "all", count(distinct c.ordinal)::int as "different"
     from search.revisions r
     join search.chunks c on c.workspace_id = r.workspace_id and c.revision_id = r.id
     where r.document_id = $1`,
    [documentId],
  );
  return count;
}

async function prepare(atEnd: AtEnd, settings: Record<string, string> = {}): Promise<TestWorkers> {
  const workers = await TestWorkers.prepare(settings);
  atEnd(() => workers.close());
  return workers;
}

async function launchReady(workers: TestWorkers, atEnd: AtEnd): Promise<ChildProcess> {
  const adminPort = String(await freePort());
  const worker = launch({ ...workers.env, ADMIN_PORT: adminPort }, atEnd);
  const isReady = () => fetch(`http://127.0.0.1:${adminPort}/readyz`).then(({ ok }) => ok);
  await waitFor(isReady, { timeoutMs: 30_000, what: 'readiness' });
  return worker;
}

function launch(env: Record<string, string>, atEnd: AtEnd): ChildProcess {
  const worker = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  atEnd(() => void worker.kill('SIGKILL'));
  return worker;
}
