import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '@capstone/testing/wait-for';
import { Person, System } from './system.js';

const recoveryMs = 60_000;
const testMs = 2 * recoveryMs;

let system: System;
let ada: Person;
beforeAll(async () => {
  system = await System.start();
  ada = await Person.signUp(system.api);
});
afterAll(() => system?.stop());

describe('a worker that is killed', () => {
  const small = markdown(40);
  // Several seconds of embedding on one core.
  const large = markdown(4_000);

  test.each([
    { stage: 'extracting', table: 'app.document_originals', mode: 'access exclusive' },
    { stage: 'chunking', table: 'search.chunks', mode: 'exclusive' },
    { stage: 'indexing', table: 'search.term_stats', mode: 'exclusive' },
  ] as const)(
    'while $stage leaves a document that becomes ready without a hand',
    async ({ table, mode }) => {
      await system.kill('worker');
      const id = await ada.upload('Killed', small);
      const held = await system.holdTable(table, mode);
      await system.run('worker');
      await waitFor(held.somebodyWaits, {
        timeoutMs: recoveryMs,
        what: `the worker to need ${table}`,
      });

      await system.kill('worker');
      await held.release();
      await system.run('worker');

      await expectReadyOnce(id, small);
    },
    testMs,
  );

  test(
    'while embedding leaves a document that becomes ready without a hand',
    async () => {
      const id = await ada.upload('Killed', large);
      await waitFor(
        async () => {
          const { status, counts } = await ada.document(id);
          return status === 'embedding' && counts.embedded > 0;
        },
        { timeoutMs: recoveryMs, what: 'the first embeddings' },
      );

      await system.kill('worker');
      const { counts } = await ada.document(id);
      await system.run('worker');

      expect(counts.embedded).toBeLessThan(counts.chunks);
      await expectReadyOnce(id, large);
    },
    testMs,
  );
});

test(
  'an api that is killed between the commit and the relay still gets its job run',
  async () => {
    const { committed, waiting } = await system.withQueuePaused(async () => {
      const id = await ada.upload('Committed, not relayed', markdown(10));
      await system.kill('api');
      return { committed: id, waiting: await outboxRowsOf(id) };
    });

    await system.run('api');

    expect(waiting).toContain('document.ingest');
    await expectReady(committed);
    expect(await outboxRowsOf(committed)).toEqual([]);
  },
  testMs,
);

test(
  'a queue Redis that restarts loses no accepted document',
  async () => {
    const before = await Promise.all(
      titles('before', 5).map((title) => ada.upload(title, markdown(10))),
    );
    await system.onQueue((redis) => redis.shutdown('NOSAVE')).catch(() => undefined);
    const during = await Promise.all(
      titles('during', 5).map((title) => ada.upload(title, markdown(10))),
    );

    await system.reviveServers();

    for (const id of [...before, ...during]) await expectReady(id);
  },
  testMs,
);

test(
  'a queue Redis that forgets everything loses no accepted document',
  async () => {
    await system.kill('worker');
    const ids = await Promise.all(
      titles('forgotten', 3).map((title) => ada.upload(title, markdown(10))),
    );
    for (const id of ids) await waitFor(async () => (await outboxRowsOf(id)).length === 0);
    await system.onQueue((redis) => redis.flushall());

    await system.run('worker');

    for (const id of ids) await expectReady(id);
  },
  testMs,
);

async function expectReady(id: string) {
  await waitFor(async () => (await ada.document(id)).status === 'ready', {
    timeoutMs: recoveryMs,
    what: `document ${id} to become ready`,
  });
}

/** Ready, and in the index exactly as often as a document that nothing happened to. */
async function expectReadyOnce(id: string, content: string) {
  await expectReady(id);
  const undisturbed = await ada.upload('Undisturbed', content);
  await expectReady(undisturbed);

  const { counts } = await ada.document(id);
  expect(counts).toEqual((await ada.document(undisturbed)).counts);
  expect(await chunksOf(id)).toEqual(await chunksOf(undisturbed));
  expect(await chunksOf(id)).toMatchObject({
    revisions: 1,
    places: counts.chunks,
    chunks: counts.chunks,
    embeddings: counts.chunks,
  });
}

async function chunksOf(id: string) {
  const [row] = await system.sql(
    `select
       (select count(*)::int from search.revisions where document_id = $1) as revisions,
       count(distinct chunk.ordinal)::int as places,
       count(*)::int as chunks,
       sum((select count(*) from search.chunk_embeddings e
            where (e.workspace_id, e.revision_id, e.ordinal)
                = (chunk.workspace_id, chunk.revision_id, chunk.ordinal)))::int as embeddings,
       sum((select count(*) from search.chunk_terms t
            where (t.workspace_id, t.revision_id, t.ordinal)
                = (chunk.workspace_id, chunk.revision_id, chunk.ordinal)))::int as postings
     from search.revisions revision
     join search.chunks chunk on (chunk.workspace_id, chunk.revision_id) = (revision.workspace_id, revision.id)
     where revision.document_id = $1`,
    [id],
  );
  return row;
}

async function outboxRowsOf(documentId: string): Promise<string[]> {
  const rows = await system.sql<{ name: string }>(
    `select name from app.outbox where kind = 'job' and payload ->> 'documentId' = $1`,
    [documentId],
  );
  return rows.map((row) => row.name);
}

function titles(when: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `Accepted ${when} ${index}`);
}

function markdown(paragraphs: number): string {
  const words = 'the worker reads the truth from postgres and claims a version with a lease'.split(
    ' ',
  );
  const lines = Array.from({ length: paragraphs }, (_, index) => {
    const rotated = [...words.slice(index % words.length), ...words.slice(0, index % words.length)];
    return `Paragraph ${index} says number${index}: ${rotated.join(' ')} ${rotated.toReversed().join(' ')}.`;
  });
  return `# Recovery\n\n${lines.join('\n\n')}\n`;
}
