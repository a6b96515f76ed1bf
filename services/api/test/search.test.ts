import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Document, DocumentContent } from '@capstone/contracts/documents';
import type { SearchResult } from '@capstone/contracts/search';
import { TestApi, type TestUser } from './api-app.js';
import { FakeWorker } from './fake-worker.js';

const url = '/api/v1/search';

let api: TestApi;
let worker: FakeWorker;
beforeAll(async () => {
  api = await TestApi.start();
  worker = new FakeWorker(api.database);
});
afterAll(async () => {
  await worker.close();
  await api.stop();
});

describe('POST /api/v1/search', () => {
  test.each(['keyword', 'vector', 'hybrid'] as const)('finds in mode %s', async (mode) => {
    const ada = await api.signIn();
    const foxes = await addReady(ada, {
      title: 'Animals',
      content: '# Foxes\n\nA red fox sleeps.',
    });
    await addReady(ada, { title: 'Weather', content: 'Rain falls on the plain.' });

    const found = await ada.post<SearchResult>(url, { query: 'red fox', mode });

    expect(found).toMatchObject({ status: 200, body: { mode, degraded: [] } });
    const { items, model, tookMs } = found.body;
    expect(items[0]).toMatchObject({
      documentId: foxes.id,
      title: 'Animals',
      headingPath: ['Foxes'],
    });
    expect(items[0]).not.toHaveProperty('scores');
    expect(typeof model).toBe(mode === 'keyword' ? 'object' : 'string');
    expect(tookMs).toBeGreaterThan(0);
  });

  test('points into the canonical text: what is at the offsets is what it shows', async () => {
    const ada = await api.signIn();
    const sentences = Array.from({ length: 300 }, (_, n) => `Sentence ${n} is about nothing 🦊.`);
    sentences[200] = 'Here a badger digs.';
    const document = await addReady(ada, { content: sentences.join(' ') });
    const content = await ada.get<DocumentContent>(`/api/v1/documents/${document.id}/content`);

    const found = await ada.post<SearchResult>(url, { query: 'badger', mode: 'keyword' });

    const [item] = found.body.items;
    expect(item!.snippet).toContain('badger');
    expect(content.body.text.slice(item!.charStart, item!.charEnd)).toBe(item!.snippet);
  });

  test('explains rank and score of each leg on request', async () => {
    const ada = await api.signIn();
    await addReady(ada);

    const found = await ada.post<SearchResult>(url, { query: 'foxes', explain: true });

    expect(found.body.items[0]!.scores).toMatchObject({
      keyword: { rank: 1, score: expect.any(Number) as number },
      vector: { rank: 1, score: expect.any(Number) as number },
    });
  });

  test('keeps to the limit, and to the documents and metadata that are asked for', async () => {
    const ada = await api.signIn();
    const one = await addReady(ada, { metadata: { language: 'en', year: 2026 } });
    const two = await addReady(ada, { metadata: { language: 'de', year: 2026 } });
    const ids = async (fields: object) => {
      const { body } = await ada.post<SearchResult>(url, { query: 'foxes', ...fields });
      return body.items.map(({ documentId }) => documentId).toSorted();
    };

    expect(await ids({ limit: 1 })).toHaveLength(1);
    expect(await ids({ filters: { documentIds: [two.id] } })).toEqual([two.id]);
    expect(await ids({ filters: { documentIds: [uuidv7()] } })).toEqual([]);
    expect(await ids({ filters: { metadata: { language: 'en' } } })).toEqual([one.id]);
    expect(await ids({ filters: { metadata: { year: 2026 } } })).toEqual([one.id, two.id]);
    expect(await ids({ filters: { metadata: { year: '2026' } } })).toEqual([]);
    expect(await ids({ filters: { metadata: { year: 2026, language: 'de' } } })).toEqual([two.id]);
  });

  test('sees a new title and new metadata at once', async () => {
    const ada = await api.signIn();
    const document = await addReady(ada, { metadata: { state: 'draft' } });
    await ada.patch(`/api/v1/documents/${document.id}`, {
      title: 'Renamed',
      metadata: { state: 'final' },
    });

    const search = async (state: string) =>
      (await ada.post<SearchResult>(url, { query: 'foxes', filters: { metadata: { state } } }))
        .body;
    expect((await search('draft')).items).toEqual([]);
    expect((await search('final')).items).toMatchObject([{ title: 'Renamed' }]);
  });

  test('never shows a deleted document, before anything is purged', async () => {
    const ada = await api.signIn();
    const document = await addReady(ada);

    await ada.delete(`/api/v1/documents/${document.id}`);

    for (const mode of ['keyword', 'vector', 'hybrid']) {
      const found = await ada.post<SearchResult>(url, { query: 'foxes', mode });
      expect(found.body.items).toEqual([]);
    }
  });

  test('serves the old version until the new one is ready', async () => {
    const ada = await api.signIn();
    const document = await addReady(ada);
    const replaced = await ada.put<Document>(
      `/api/v1/documents/${document.id}`,
      { content: 'A text about badgers.', contentType: 'text/plain' },
      { 'if-match': '*' },
    );
    const count = async (query: string) =>
      (await ada.post<SearchResult>(url, { query, mode: 'keyword' })).body.items.length;

    expect([await count('foxes'), await count('badgers')]).toEqual([1, 0]);
    await worker.finish(versionOf(ada, replaced.body));
    expect([await count('foxes'), await count('badgers')]).toEqual([0, 1]);
  });

  test.each(['keyword', 'vector', 'hybrid'])(
    'in mode %s shows nothing of another workspace, in results or in scores',
    async (mode) => {
      const [ada, eve] = [await api.signIn(), await api.signIn()];
      await addReady(ada);
      const search = async () => {
        const { body } = await ada.post<SearchResult>(url, { query: 'foxes', mode, explain: true });
        return body.items;
      };
      const before = await search();

      for (let copy = 0; copy < 5; copy += 1) await addReady(eve);

      expect(await search()).toEqual(before);
      const theirs = await eve.post<SearchResult>(url, {
        query: 'foxes',
        filters: { documentIds: before.map(({ documentId }) => documentId) },
      });
      expect(theirs.body.items).toEqual([]);
    },
  );

  test.each(['?!', 'the of and', '"unclosed', "o'clock -- ; drop table", '\u202e', '𝔘𝔫𝔦'])(
    'answers %j with a list',
    async (query) => {
      const ada = await api.signIn();
      await addReady(ada);

      const found = await ada.post<SearchResult>(url, { query });

      expect(found.status).toBe(200);
      expect(Array.isArray(found.body.items)).toBe(true);
    },
  );

  test.each([
    ['no query', {}, '/query'],
    ['an empty query', { query: ' ' }, '/query'],
    ['a query that is too long', { query: 'x'.repeat(1_001) }, '/query'],
    ['text that Postgres cannot hold', { query: 'a\0b' }, '/query'],
    ['a mode that does not exist', { query: 'x', mode: 'magic' }, '/mode'],
    ['a limit beyond the largest', { query: 'x', limit: 101 }, '/limit'],
    [
      'an id that is none',
      { query: 'x', filters: { documentIds: ['1'] } },
      '/filters/documentIds/0',
    ],
    ['NUL in a filter', { query: 'x', filters: { metadata: { a: '\0' } } }, '/filters/metadata/a'],
    ['an unknown filter', { query: 'x', filters: { colour: 'red' } }, '/filters/colour'],
    ['an unknown field', { query: 'x', workspaceId: uuidv7() }, '/workspaceId'],
  ])('refuses %s', async (_, body, pointer) => {
    const ada = await api.signIn();

    expect(await ada.post(url, body)).toMatchObject({
      status: 422,
      body: { code: 'validation-failed', errors: [{ pointer }] },
    });
  });

  test('is also for those who only read', async () => {
    const ada = await api.signIn();
    await addReady(ada);
    const viewer = await api.signIn({ role: 'viewer', workspaceId: ada.workspaceId });

    const found = await viewer.post<SearchResult>(url, { query: 'foxes' });

    expect(found.body.items).toHaveLength(1);
  });
});

describe('GET /api/v1/search', () => {
  test('is the same with defaults', async () => {
    const ada = await api.signIn();
    await addReady(ada);

    const got = await ada.get<SearchResult>(`${url}?q=foxes`);
    const posted = await ada.post<SearchResult>(url, { query: 'foxes' });

    expect(got.status).toBe(200);
    expect({ ...got.body, tookMs: 0 }).toEqual({ ...posted.body, tookMs: 0 });
  });

  test.each([
    ['', '/q'],
    ['?q=x&limit=0', '/limit'],
    ['?q=x&explain=true', '/explain'],
  ])('refuses %j', async (query, pointer) => {
    const ada = await api.signIn();

    expect(await ada.get(`${url}${query}`)).toMatchObject({
      status: 422,
      body: { errors: [{ pointer }] },
    });
  });
});

describe.each(['GET', 'POST'] as const)('%s /api/v1/search', (method) => {
  test('refuses a caller without a token, or with an old one', async () => {
    const expired = await api.auth.sign({ exp: Math.floor(Date.now() / 1000) - 60 });
    const request = (headers: Record<string, string>) =>
      api.request(method, `${url}?q=x`, {
        headers,
        body: method === 'POST' ? { query: 'x' } : undefined,
      });

    expect(await request({})).toMatchObject({ status: 401, body: { code: 'token-missing' } });
    expect(await request({ authorization: `Bearer ${expired}` })).toMatchObject({
      status: 401,
      body: { code: 'token-invalid' },
    });
  });
});

/** A document that the worker is done with. */
async function addReady(user: TestUser, fields: object = {}): Promise<Document> {
  const { body } = await user.post<Document>('/api/v1/documents', {
    title: 'Animals',
    content: 'A text about foxes.',
    contentType: 'text/markdown',
    ...fields,
  });
  await worker.finish(versionOf(user, body));
  return body;
}

function versionOf(user: TestUser, { id, version }: Document) {
  return { workspaceId: user.workspaceId, documentId: id, version };
}
