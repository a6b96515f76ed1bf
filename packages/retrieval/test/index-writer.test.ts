import { randomUUID } from 'node:crypto';
import { rowSecurityFaults } from '@capstone/testing/catalog';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { discardVersion, registerModel, stageChunks } from '../src/index-writer.js';
import { emptyIndex, indexContents } from './index-contents.js';
import { cut, openSearchWorld, type SearchWorld } from './search-world.js';

let world: SearchWorld;

beforeAll(async () => {
  world = await openSearchWorld();
});

afterAll(() => world.close());

const animals = [
  'walrus',
  'seal',
  'otter',
  'puffin',
  'narwhal',
  'beluga',
  'orca',
  'dolphin',
  'manatee',
  'tern',
];
const textAbout = (...names: string[]) =>
  names
    .map((name) => `The ${name} lives in cold water and eats what it finds there every day.`)
    .join('\n\n');

async function newDocument(workspaceId: string = randomUUID()) {
  const documentId = await world.addDocument(workspaceId, 'Animals');
  return { workspaceId, documentId, version: 1 };
}

const contents = (workspaceId: string) =>
  indexContents(world.worker.read({ workspaceId }), workspaceId);
const finds = async (workspaceId: string, query: string) =>
  (await world.find(workspaceId, query)).hits.length > 0;

describe('staging', () => {
  test('writes nothing twice, however often a batch comes', async () => {
    const key = await newDocument();
    const chunks = cut(textAbout(...animals));

    await world.stage(key, chunks);
    const once = await contents(key.workspaceId);
    await world.stage(key, chunks);
    await world.stage(key, chunks.slice(2, 5));

    expect(await contents(key.workspaceId)).toEqual(once);
    expect(once.rows).toMatchObject({ revisions: 1, chunks: chunks.length, embeddings: 0 });
  });

  test('keeps what is staged out of every search', async () => {
    const key = await newDocument();
    await world.stage(key, cut(textAbout('walrus')));
    await world.embed(key);

    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      expect((await world.find(key.workspaceId, 'walrus', { mode })).hits).toEqual([]);
    }
  });

  test('replaces chunks that came out differently', async () => {
    const key = await newDocument();
    const before = cut(textAbout(...animals));
    const after = cut(textAbout('unicorn', 'dragon'));
    await world.stage(key, before);
    await world.embed(key);

    await world.stage(key, after);
    await world.embed(key);
    await world.publish(key, after.length);

    expect(await finds(key.workspaceId, 'unicorn')).toBe(true);
    expect(await finds(key.workspaceId, 'tern')).toBe(false);
    expect(await contents(key.workspaceId)).toMatchObject({
      rows: { chunks: after.length },
      wrong: [],
    });
  });

  test('of a newer version drops the older one, and the older one may not come back', async () => {
    const key = await newDocument();
    const chunks = cut(textAbout('walrus'));
    await world.stage(key, chunks);

    await world.stage({ ...key, version: 2 }, chunks);

    await expect(world.stage(key, chunks)).rejects.toMatchObject({ code: 'conflict' });
    expect((await contents(key.workspaceId)).rows).toMatchObject({
      revisions: 1,
      chunks: chunks.length,
    });
  });

  test('can be discarded, without a trace', async () => {
    const key = await newDocument();
    await world.stage(key, cut(textAbout('walrus')));
    await world.embed(key);

    const removed = await world.worker.transaction(key, (tx) => discardVersion(tx, key));

    expect(removed).toMatchObject({ revisions: 1, chunks: 1, embeddings: 1 });
    expect(await contents(key.workspaceId)).toEqual(emptyIndex);
  });

  test('is refused for a document that is not there', async () => {
    const key = { workspaceId: randomUUID(), documentId: randomUUID(), version: 1 };

    await expect(world.stage(key, cut('text'))).rejects.toMatchObject({
      constraint: 'revisions_document_fkey',
    });
  });

  test('is refused in the name of another workspace', async () => {
    const key = await newDocument();
    const chunks = cut('text');

    const staging = world.worker.transaction({ workspaceId: randomUUID() }, (tx) =>
      stageChunks(tx, key, { modelId: world.modelId, chunks }),
    );

    await expect(staging).rejects.toThrow();
    expect(await contents(key.workspaceId)).toEqual(emptyIndex);
  });
});

describe('publishing', () => {
  test('serves the old version until the new one takes its place whole', async () => {
    const key = await newDocument();
    const next = { ...key, version: 2 };
    await world.index(key, textAbout('walrus', 'seal'));

    const chunks = cut(textAbout('otter', 'puffin'));
    await world.stage(next, chunks);
    await world.embed(next);
    expect(await finds(key.workspaceId, 'walrus')).toBe(true);
    expect(await finds(key.workspaceId, 'otter')).toBe(false);
    await world.publish(next, chunks.length);

    expect(await finds(key.workspaceId, 'walrus')).toBe(false);
    expect((await world.find(key.workspaceId, 'otter puffin')).hits).toMatchObject([
      { version: 2 },
    ]);
    expect(await contents(key.workspaceId)).toMatchObject({
      rows: { revisions: 1, chunks: chunks.length, embeddings: chunks.length },
      wrong: [],
    });
  });

  test('never shows a reader two versions at once', async () => {
    const key = await newDocument();
    await world.index(key, textAbout(...animals));
    const swapped = { version: 1 };
    const swaps = (async () => {
      for (let version = 2; version <= 8; version += 1) {
        await world.index({ ...key, version }, textAbout(...animals));
        swapped.version = version;
      }
    })();

    const seen = new Set<number>();
    do {
      const { hits } = await world.find(key.workspaceId, 'cold water', {
        mode: 'hybrid',
        limit: 50,
      });
      const versions = new Set(hits.map(({ version }) => version));
      expect(versions.size).toBe(1);
      seen.add(hits[0]!.version);
    } while (swapped.version < 8);
    await swaps;

    expect(seen.size).toBeGreaterThan(1);
  });

  test('changes nothing when it is repeated', async () => {
    const key = await newDocument();
    const { chunks } = await world.index(key, textAbout('walrus'));
    const once = await contents(key.workspaceId);

    await world.publish(key, chunks);

    expect(await contents(key.workspaceId)).toEqual(once);
  });

  test('of the same version again, as after a change of the chunker, swaps as well', async () => {
    const key = await newDocument();
    await world.index(key, textAbout('walrus'));

    await world.index(key, textAbout('seal'));

    expect(await finds(key.workspaceId, 'walrus')).toBe(false);
    expect(await finds(key.workspaceId, 'seal')).toBe(true);
    expect(await contents(key.workspaceId)).toMatchObject({ rows: { revisions: 1 }, wrong: [] });
  });

  test('is refused when a chunk or a vector is missing, or nothing is staged', async () => {
    const key = await newDocument();
    await expect(world.publish(key, 1)).rejects.toMatchObject({ code: 'conflict' });

    await world.stage(key, cut(textAbout('walrus')));
    await expect(world.publish(key, 1)).rejects.toThrow(
      'Of 1 chunks 1 are staged, 0 with a vector',
    );
    await world.embed(key);
    await expect(world.publish(key, 2)).rejects.toThrow(
      'Of 2 chunks 1 are staged, 1 with a vector',
    );

    expect(await finds(key.workspaceId, 'walrus')).toBe(false);
  });

  test('from many sides at once keeps the statistics right and does not deadlock', async () => {
    const workspaceId = randomUUID();
    const keys = await Promise.all(Array.from({ length: 12 }, () => newDocument(workspaceId)));

    await Promise.all(
      keys.map(async (key, index) => {
        const names = animals.slice(index % 5).concat(animals.slice(0, index % 3));
        await world.index(key, textAbout(...names));
        await world.index({ ...key, version: 2 }, textAbout(...names.toReversed(), 'walrus'));
        if (index % 3 === 0) await world.purge(key);
      }),
    );

    expect(await contents(workspaceId)).toMatchObject({ rows: { revisions: 8 }, wrong: [] });
  });
});

describe('embedding', () => {
  test('is not done again for text that the workspace has a vector of', async () => {
    const key = await newDocument();
    const first = await world.index(key, textAbout(...animals));

    const unchanged = await world.index({ ...key, version: 2 }, textAbout(...animals));
    const elsewhere = await world.index(await newDocument(key.workspaceId), textAbout(...animals));
    const edited = await world.index({ ...key, version: 3 }, `${textAbout(...animals)} Edited.`);

    expect(first).toMatchObject({ reused: 0, embedded: first.chunks });
    expect(unchanged).toMatchObject({ reused: first.chunks, embedded: 0 });
    expect(edited.embedded).toBeLessThanOrEqual(2);
    expect(elsewhere).toMatchObject({ reused: first.chunks, embedded: 0 });
  });

  test('is not shared between workspaces', async () => {
    await world.index(await newDocument(), textAbout('walrus'));

    expect(await world.index(await newDocument(), textAbout('walrus'))).toMatchObject({
      reused: 0,
      embedded: 1,
    });
  });

  test('registers a model once, however many start at the same time', async () => {
    const model = { ...world.embedder.describe(), fingerprint: randomUUID() };

    const registered = await Promise.all(
      Array.from({ length: 8 }, () => registerModel(world.worker.unscoped, model)),
    );

    expect(new Set(registered).size).toBe(1);
  });
});

describe('deleting', () => {
  test('hides the document at once', async () => {
    const key = await newDocument();
    await world.index(key, textAbout('walrus'));

    await world.markDeleted(key);

    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      expect((await world.find(key.workspaceId, 'walrus', { mode })).hits).toEqual([]);
      const filters = { documentIds: [key.documentId] };
      expect((await world.find(key.workspaceId, 'walrus', { mode, filters })).hits).toEqual([]);
    }
  });

  test('leaves no row and right statistics after the purge, which counts what it removed', async () => {
    const workspaceId = randomUUID();
    const kept = await newDocument(workspaceId);
    await world.index(kept, textAbout('walrus', 'seal'));
    const before = await contents(workspaceId);
    const key = await newDocument(workspaceId);
    const { chunks } = await world.index(key, textAbout(...animals));
    const staged = { ...key, version: 2 };
    await world.stage(staged, cut(textAbout('unicorn')));

    const removed = await world.purge(key);
    const again = await world.purge(key);

    expect(removed).toMatchObject({ revisions: 2, chunks: chunks + 1, embeddings: chunks });
    expect(again).toEqual({ revisions: 0, chunks: 0, terms: 0, embeddings: 0, attributes: 0 });
    expect(await contents(workspaceId)).toEqual(before);
  });

  test('of the row itself is refused before the purge', async () => {
    const key = await newDocument();
    await world.index(key, textAbout('walrus'));
    await world.markDeleted(key);
    const remove = () =>
      world.worker.transaction(key, (tx) =>
        tx.query(
          'test_delete_document',
          'delete from app.documents where workspace_id = $1 and id = $2',
          [key.workspaceId, key.documentId],
        ),
      );

    await expect(remove()).rejects.toMatchObject({ constraint: 'revisions_document_fkey' });
    await world.purge(key);
    await remove();
  });
});

describe('the tables', () => {
  test('all have forced row-level security', async () => {
    expect(await rowSecurityFaults(world.server)).toEqual([]);
  });

  test.each([
    'revisions',
    'chunks',
    'chunk_embeddings',
    'chunk_terms',
    'term_stats',
    'workspace_stats',
    'document_attributes',
  ])('show no row of %s without a workspace or under another one', async (table) => {
    const workspaceId = randomUUID();
    const documentId = await world.addDocument(workspaceId, 'Animals', { kind: 'walrus' });
    await world.index({ workspaceId, documentId, version: 1 }, textAbout('walrus'));
    const count = `select count(*)::integer as rows from search.${table} where workspace_id = $1`;

    for (const db of [world.api, world.worker]) {
      for (const [scope, rows] of [
        [{ workspaceId }, true],
        [{}, false],
        [{ workspaceId: randomUUID() }, false],
      ] as const) {
        const [row] = await db
          .read(scope)
          .query<{ rows: number }>(`test_count_${table}`, count, [workspaceId]);
        expect(row!.rows > 0).toBe(rows);
      }
    }
  });

  test('take no write from the api but to the attributes', async () => {
    const key = await newDocument();
    await world.index(key, textAbout('walrus'));

    for (const table of [
      'revisions',
      'chunks',
      'chunk_embeddings',
      'chunk_terms',
      'term_stats',
      'workspace_stats',
      'embedding_models',
    ]) {
      const attempt = world.api.transaction(key, (tx) =>
        tx.query(`test_delete_${table}`, `delete from search.${table}`),
      );
      await expect(attempt).rejects.toMatchObject({ sqlState: '42501' });
    }
  });
});
