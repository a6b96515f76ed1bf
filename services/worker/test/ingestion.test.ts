import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventData } from '@capstone/contracts/events';
import { jobs } from '@capstone/contracts/jobs';
import { waitFor } from '@capstone/testing/wait-for';
import { TestWorkers } from './worker-app.js';
import { longText, type TestWorkspace } from './workspace.js';

let workers: TestWorkers;
let workspace: TestWorkspace;

beforeAll(async () => {
  workers = await TestWorkers.prepare();
  await workers.start();
  workspace = workers.newWorkspace();
});
afterAll(() => workers.close());

describe('document.ingest', () => {
  test.each([
    ['text/plain', 'The quick brown fox jumps.', 'The quick brown fox jumps.'],
    ['text/markdown', '# Foxes\n\nThe *quick* brown fox.', '# Foxes\n\nThe *quick* brown fox.'],
    ['text/html', '<title>x</title><body><h1>Foxes</h1><p>The <b>quick</b> fox.</p>', undefined],
  ] as const)('makes %s searchable', async (contentType, content, text) => {
    const own = workers.newWorkspace();

    const id = await own.submit({ contentType, content, title: 'Animals' });

    const version = await own.becomes('ready', id);
    expect(version).toMatchObject({ chunks: 1, embedded: 1, leaseHolder: null, leaseUntil: null });
    expect(await own.currentVersion(id)).toBe(1);
    const stored = await own.text(id);
    expect(version.characters).toBe(stored!.length);
    if (text) expect(stored).toBe(text);
    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      const [hit] = await own.search('quick fox', mode);
      expect(hit).toMatchObject({ documentId: id, title: 'Animals' });
      expect(stored!.slice(hit!.charStart, hit!.charEnd)).toBe(hit!.content);
    }
  });

  test('counts and times every stage of a long document', async () => {
    const id = await workspace.submit({ content: longText(1_000) });

    const version = await workspace.becomes('ready', id);
    expect(version.chunks).toBeGreaterThan(100);
    expect(version.embedded).toBe(version.chunks);
    const { extractingAt, chunkingAt, embeddingAt, finishedAt } = version;
    const times = [extractingAt, chunkingAt, embeddingAt, finishedAt].map((at) => Date.parse(at!));
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
  });

  test('tells of every status through the outbox, with the counts of that moment', async () => {
    const id = await workspace.submit({ content: 'One fox.' });
    await workspace.becomes('ready', id);

    const events = await eventsOf(id, workspace.workspaceId);
    expect(events.map(({ status }) => status)).toEqual([
      'extracting',
      'chunking',
      'embedding',
      'ready',
    ]);
    expect(events.at(-1)).toMatchObject({
      version: 1,
      counts: { characters: 8, chunks: 1, embedded: 1 },
    });
  });

  test('does nothing the second time', async () => {
    const id = await workspace.submit();
    const first = await workspace.becomes('ready', id);

    await workspace.enqueue(id);

    await workersAreIdle();
    expect(await workspace.version(id)).toEqual(first);
    expect(await workspace.search('foxes')).toSatisfy(hasOnce(id));
  });

  test('is done once when two jobs for it run at the same time', async () => {
    const id = await workspace.store({ content: longText(200) });

    await Promise.all([workspace.enqueue(id), workspace.enqueue(id), workspace.enqueue(id)]);

    const version = await workspace.becomes('ready', id);
    expect(version.attempt).toBe(1);
    await workersAreIdle();
    expect((await workers.rowsOf(id)).revisions).toBe(1);
  });

  test('makes no second vector for text that the workspace has already', async () => {
    const own = workers.newWorkspace();
    const content = longText(100);
    await own.becomes('ready', await own.submit({ content, title: 'Same' }));

    const id = await own.submit({ content, title: 'Same' });

    const { chunks } = await own.becomes('ready', id);
    const events = await eventsOf(id, own.workspaceId);
    const embedding = events.find(({ status }) => status === 'embedding');
    expect(chunks).toBeGreaterThan(10);
    expect(embedding?.counts.embedded).toBe(chunks);
  });
});

describe('a document that cannot be processed', () => {
  test.each([
    ['corrupt', Buffer.from([0x66, 0xff, 0xfe, 0x80])],
    ['empty', ' \n\t\n '],
  ])('fails as %s, once, and says why', async (code, content) => {
    const id = await workspace.submit({ content });

    const version = await workspace.becomes('failed', id);
    expect(version).toMatchObject({ errorCode: code, attempt: 1, leaseUntil: null });
    expect(version.errorDetail).toMatch(/\w/);
    expect(await workspace.text(id)).toBeUndefined();
    expect((await workers.rowsOf(id)).revisions).toBe(0);
    await workersAreIdle();
  });

  test('does not hold up others', async () => {
    const bad = await workspace.submit({ content: Buffer.from([0xff]) });
    const good = await workspace.submit();

    await workspace.becomes('failed', bad);
    await workspace.becomes('ready', good);
  });
});

describe('cancel', () => {
  test('before the first claim leaves nothing to do', async () => {
    const id = await workspace.store();
    await workspace.cancel(id);

    await workspace.enqueue(id);

    await workersAreIdle();
    expect(await workspace.version(id)).toMatchObject({ status: 'cancelled', attempt: 0 });
  });

  test('in the middle stops the worker and removes what it has written', async () => {
    const held = await workers.hold('search.embedding_models');
    const id = await workspace.submit({ content: longText(1_200), title: 'Cancelled' });
    await held.reached();

    const cancelled = workspace.cancel(id);
    await held.release();
    await cancelled;

    await waitFor(async () => (await workspace.version(id))?.leaseUntil === null);
    const version = await workspace.version(id);
    expect(version).toMatchObject({ status: 'cancelled' });
    expect(version!.embedded).toBeLessThan(version!.chunks);
    expect(await workers.rowsOf(id)).toMatchObject({ revisions: 0, texts: 0, originals: 1 });
    expect(await workspace.search('Cancelled')).toEqual([]);
  });
});

describe('a new version', () => {
  test('replaces the old one in one step, which stays searchable until then', async () => {
    const own = workers.newWorkspace();
    const id = await own.submit({ content: 'The old text about foxes.' });
    await own.becomes('ready', id);
    const held = await workers.hold('search.workspace_stats');

    await own.replace(id, { content: 'The new text about badgers.' });
    await held.reached();
    expect(await own.search('foxes')).toMatchObject([{ documentId: id, version: 1 }]);
    expect(await own.search('badgers')).toEqual([]);
    await held.release();

    await own.becomes('ready', id, { version: 2 });
    expect(await own.search('foxes')).toEqual([]);
    expect(await own.search('badgers')).toMatchObject([{ documentId: id, version: 2 }]);
    expect(await workers.rowsOf(id)).toMatchObject({ texts: 1, originals: 1, revisions: 1 });
  });

  test('that fails leaves the old one searchable', async () => {
    const own = workers.newWorkspace();
    const id = await own.submit({ content: 'The old text about foxes.' });
    await own.becomes('ready', id);

    await own.replace(id, { content: Buffer.from([0xff, 0xfe]) });

    await own.becomes('failed', id, { version: 2 });
    expect(await own.currentVersion(id)).toBe(1);
    expect(await own.search('foxes')).toMatchObject([{ documentId: id, version: 1 }]);
  });

  test('ends the work on the version before it', async () => {
    const own = workers.newWorkspace();
    const held = await workers.hold('search.embedding_models');
    const id = await own.submit({ content: longText(1_200), title: 'Superseded' });
    await held.reached();

    const replaced = own.replace(id, { content: 'Badgers.' });
    await held.release();
    await replaced;

    await own.becomes('ready', id, { version: 2 });
    await waitFor(async () => (await own.version(id, 1))?.leaseUntil === null);
    expect(await own.version(id, 1)).toMatchObject({ status: 'superseded' });
    expect(await workers.rowsOf(id)).toMatchObject({ revisions: 1, texts: 1 });
    expect(await own.search('badgers')).toMatchObject([{ documentId: id, version: 2 }]);
  });
});

describe('a delete in the middle', () => {
  test('stops the worker, and the purge leaves no row', async () => {
    const held = await workers.hold('search.embedding_models');
    const id = await workspace.submit({ content: longText(1_200), title: 'Doomed' });
    await held.reached();

    const deleted = workspace.markDeleted(id);
    await held.release();
    await deleted;
    await workspace.enqueuePurge(id);

    await waitFor(async () => (await workers.rowsOf(id)).documents === 0);
    await workersAreIdle();
    expect(new Set(Object.values(await workers.rowsOf(id)))).toEqual(new Set([0]));
    expect(await workspace.search('Doomed')).toEqual([]);
  });
});

describe('a purge', () => {
  test('takes the answers along that the document was part of, and no others', async () => {
    const own = workers.newWorkspace();
    const [gone, kept] = [await own.submit(), await own.submit({ content: 'Badgers.' })];
    await Promise.all([own.becomes('ready', gone), own.becomes('ready', kept)]);
    await own.answer([gone]);
    await own.answer([kept, gone]);
    await own.answer([kept]);

    await own.markDeleted(gone);
    await own.enqueuePurge(gone);

    await waitFor(async () => (await workers.rowsOf(gone)).documents === 0);
    expect(await own.answers()).toEqual({ runs: 1, citations: 1 });
  });
});

describe('a fault that may pass', () => {
  test('is retried with what is stored already', async () => {
    const own = workers.newWorkspace();
    const id = await own.store({ content: longText(50) });
    await breakWrites('app.document_texts');

    await own.enqueue(id);
    await waitFor(async () => {
      const version = await own.version(id);
      return version?.attempt === 1 && version.leaseHolder === null;
    });
    await mendWrites('app.document_texts');

    const version = await own.becomes('ready', id);
    expect(version.attempt).toBeGreaterThan(1);
  });

  test('fails the document after the last attempt and leaves a letter for a person', async () => {
    const own = workers.newWorkspace();
    const id = await own.store();
    await setAttempt(id, 11);
    const before = (await workers.queues.counts())['dead-letters']!;
    await breakWrites('app.document_texts');

    await own.enqueue(id);
    const version = await own.becomes('failed', id);
    await mendWrites('app.document_texts');

    expect(version).toMatchObject({ errorCode: 'internal', attempt: 12 });
    await waitFor(async () => {
      const now = (await workers.queues.counts())['dead-letters']!;
      return now.waiting === (before.waiting ?? 0) + 1;
    });
  });

  test('a document that killed every worker that claimed it is given up', async () => {
    const own = workers.newWorkspace();
    const id = await own.store();
    await setAttempt(id, 12);

    await own.enqueue(id);

    expect(await own.becomes('failed', id)).toMatchObject({ errorCode: 'internal', attempt: 13 });
  });
});

describe('a forged job', () => {
  test('for another workspace does nothing', async () => {
    const id = await workspace.store();
    const stranger = workers.newWorkspace();

    await workspace.enqueue(id, 1, stranger.workspaceId);
    await workspace.enqueuePurge(id, stranger.workspaceId);

    await workersAreIdle();
    expect(await workspace.version(id)).toMatchObject({ status: 'received', attempt: 0 });
  });

  test('for a document that nobody deleted purges nothing', async () => {
    const id = await workspace.submit();
    await workspace.becomes('ready', id);

    await workspace.enqueuePurge(id);

    await workersAreIdle();
    expect(await workspace.search('foxes')).toSatisfy(hasOnce(id));
  });

  test('for a version that does not exist does nothing', async () => {
    const id = await workspace.submit();
    await workspace.becomes('ready', id);

    await workspace.enqueue(id, 7);

    await workersAreIdle();
    expect(await workspace.version(id, 7)).toBeUndefined();
  });
});

/** No job waits or runs; jobs that are to be tried again later may be left. */
async function workersAreIdle() {
  await waitFor(
    async () => {
      const { waiting, active } = (await workers.queues.counts())[jobs['document.ingest'].queue]!;
      return waiting === 0 && active === 0;
    },
    { what: 'the workers to be idle' },
  );
}

async function eventsOf(documentId: string, workspaceId: string) {
  const rows = await workers.admin.unscoped.query<{ data: EventData<'document.status'> }>(
    'test.find_events',
    `select payload -> 'data' as data
     from app.outbox
     where name = 'document.status'
       and payload ->> 'workspaceId' = $2
       and payload -> 'data' ->> 'documentId' = $1
     order by id`,
    [documentId, workspaceId],
  );
  return rows.map(({ data }) => data);
}

function hasOnce(id: string) {
  return (hits: { documentId: string }[]) =>
    hits.filter(({ documentId }) => documentId === id).length === 1;
}

async function breakWrites(table: string) {
  await workers.admin.unscoped.query(
    'test.revoke',
    `revoke insert on ${table} from capstone_worker`,
  );
}

async function mendWrites(table: string) {
  await workers.admin.unscoped.query('test.grant', `grant insert on ${table} to capstone_worker`);
}

async function setAttempt(id: string, attempt: number) {
  await workers.admin.unscoped.query(
    'test.set_attempt',
    `update app.document_versions set attempt = $2 where document_id = $1`,
    [id, attempt],
  );
}
