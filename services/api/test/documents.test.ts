import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Document, DocumentContent, DocumentPage } from '@capstone/contracts/documents';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { waitFor } from '@capstone/testing/wait-for';
import { TestApi, type TestUser } from './api-app.js';
import { FakeWorker } from './fake-worker.js';

const url = '/api/v1/documents';
const maxFileBytes = 20_000;

let api: TestApi;
let worker: FakeWorker;
let admin: Database;
beforeAll(async () => {
  api = await TestApi.start({ DOCUMENTS_MAX_FILE_BYTES: String(maxFileBytes) });
  worker = new FakeWorker(api.database);
  admin = new Database({
    url: api.database.urlFor('admin'),
    caFile: api.database.caFile,
    poolSize: 1,
    pipelines: 1,
    statementTimeoutMs: 5_000,
    applicationName: 'test',
    logger: createLogger({ service: 'test', level: 'fatal' }),
  });
});
afterAll(async () => {
  await worker.close();
  await admin.close();
  await api.stop();
});

const text = { title: 'Foxes', content: 'A text about foxes.', contentType: 'text/plain' };

describe('every route', () => {
  const routes = [
    ['POST', url],
    ['GET', url],
    ['GET', `${url}/:id`],
    ['GET', `${url}/:id/content`],
    ['PUT', `${url}/:id`],
    ['PATCH', `${url}/:id`],
    ['DELETE', `${url}/:id`],
    ['POST', `${url}/:id/reindex`],
    ['POST', `${url}/:id/cancel`],
  ] as const;

  test.each(routes)(
    '%s %s refuses a caller without a token, or with an old one',
    async (method, path) => {
      const ada = await api.signIn();
      const document = await submit(ada);
      const target = path.replace(':id', document.id);
      const expired = await api.auth.sign({ exp: Math.floor(Date.now() / 1000) - 60 });
      const body = bodyOf(method, path);

      const missing = await api.request(method, target, { body });
      const old = await api.request(method, target, {
        body,
        headers: { authorization: `Bearer ${expired}` },
      });

      expect(missing).toMatchObject({ status: 401, body: { code: 'token-missing' } });
      expect(old).toMatchObject({ status: 401, body: { code: 'token-invalid' } });
      expect((await ada.get<DocumentPage>(url)).body.items).toEqual([document]);
    },
  );

  test.each(routes.filter(([, path]) => path.includes(':id')))(
    '%s %s does not find another workspace’s document, and changes nothing',
    async (method, path) => {
      const ada = await api.signIn();
      const eve = await api.signIn();
      const document = await submit(ada);

      const body = bodyOf(method, path);
      const headers = { 'if-match': '*' };
      const foreign = await eve.request(method, path.replace(':id', document.id), {
        body,
        headers,
      });
      const missing = await eve.request(method, path.replace(':id', uuidv7()), { body, headers });

      expect(foreign).toMatchObject({ status: 404, body: { code: 'document-not-found' } });
      expect(missing).toMatchObject({ status: 404, body: { code: 'document-not-found' } });
      expect((await ada.get(`${url}/${document.id}`)).body).toEqual(document);
    },
  );

  test.each(routes.filter(([method]) => method !== 'GET'))(
    '%s %s is for those who may write',
    async (method, path) => {
      const ada = await api.signIn();
      const document = await submit(ada);
      const viewer = await api.signIn({ role: 'viewer', workspaceId: ada.workspaceId });

      const refused = await viewer.request(method, path.replace(':id', document.id), {
        body: bodyOf(method, path),
        headers: { 'if-match': '*' },
      });

      expect(refused).toMatchObject({ status: 403, body: { code: 'permission-denied' } });
      expect((await ada.get<DocumentPage>(url)).body.items).toEqual([document]);
    },
  );
});

describe('POST /api/v1/documents with JSON', () => {
  test('stores the document, queues its job, tells of it', async () => {
    const ada = await api.signIn();

    const created = await ada.post<Document>(url, {
      ...text,
      sourceKey: 'wiki/foxes',
      metadata: { language: 'en', year: 2026, draft: false },
    });

    expect(created).toMatchObject({
      status: 202,
      body: {
        title: 'Foxes',
        sourceKey: 'wiki/foxes',
        contentType: 'text/plain',
        bytes: 19,
        status: 'received',
        version: 1,
        counts: { characters: 0, chunks: 0, embedded: 0 },
        error: null,
        metadata: { language: 'en', year: 2026, draft: false },
      },
    });
    const { id } = created.body;
    expect(created.headers.location).toBe(`${url}/${id}`);
    const read = await ada.get(created.headers.location!);
    expect(read).toMatchObject({ status: 200, body: created.body });
    expect(read.headers.etag).toBe(created.headers.etag);
    expect(await jobsOf(ada)).toEqual([
      { name: 'document.ingest', documentId: id, workspaceId: ada.workspaceId, version: 1 },
    ]);
    expect(await eventsOf(ada)).toMatchObject([{ documentId: id, version: 1, status: 'received' }]);
  });

  test.each([
    ['no title', { ...text, title: undefined }, '/title'],
    ['an empty title', { ...text, title: ' ' }, '/title'],
    ['no content', { ...text, content: '' }, '/content'],
    ['a content type that is not text', { ...text, contentType: 'image/png' }, '/contentType'],
    ['nested metadata', { ...text, metadata: { a: { b: 1 } } }, '/metadata/a'],
    ['a metadata key of odd characters', { ...text, metadata: { 'a b': 1 } }, '/metadata/a b'],
    ['text that Postgres cannot hold', { ...text, title: 'a\0b' }, '/title'],
    ['an unknown field', { ...text, id: uuidv7() }, '/id'],
    ['nothing', undefined, ''],
  ])('refuses %s and stores nothing', async (_, body, pointer) => {
    const ada = await api.signIn();

    const refused = await ada.post(url, body);

    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'validation-failed', errors: [{ pointer }] },
    });
    expect((await ada.get<DocumentPage>(url)).body.items).toEqual([]);
    expect(await jobsOf(ada)).toEqual([]);
  });

  test('takes more than other routes do, and no more than its own limit', async () => {
    const ada = await api.signIn();

    const large = await ada.post(url, { ...text, content: 'x'.repeat(2_000_000) });
    const tooLong = await ada.post(url, { ...text, content: 'x'.repeat(5_000_001) });

    expect(large).toMatchObject({ status: 202, body: { bytes: 2_000_000 } });
    expect(tooLong).toMatchObject({ status: 422, body: { errors: [{ pointer: '/content' }] } });
  });

  test.each(['text/plain', 'application/xml'])('refuses a body of type %s', async (contentType) => {
    const ada = await api.signIn();

    const refused = await ada.post(url, 'x', { 'content-type': contentType });

    expect(refused).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
  });

  test('answers a repetition with the same key as the first time, once stored', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': 'k-1' };

    const first = await ada.post<Document>(url, text, key);
    const again = await ada.post<Document>(url, text, key);
    const other = await ada.post(url, { ...text, content: 'Other' }, key);

    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers.location).toBe(first.headers.location);
    expect(again.headers.etag).toBe(first.headers.etag);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
    expect((await ada.get<DocumentPage>(url)).body.items).toHaveLength(1);
    expect(await jobsOf(ada)).toHaveLength(1);
  });

  test('stores one document for many requests with one key at once', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': 'storm' };

    const answers = await Promise.all(Array.from({ length: 6 }, () => ada.post(url, text, key)));

    for (const { status, body } of answers) {
      if (status !== 202) expect(body.code).toBe('idempotency-key-in-use');
    }
    expect((await ada.get<DocumentPage>(url)).body.items).toHaveLength(1);
  });
});

describe('a source key', () => {
  test('with the same bytes does nothing and gives the version there is', async () => {
    const ada = await api.signIn();
    const first = await ada.post<Document>(url, { ...text, sourceKey: 'k' });

    const again = await ada.post<Document>(url, { ...text, sourceKey: 'k' });

    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(again.headers.location).toBe(first.headers.location);
    expect(await jobsOf(ada)).toHaveLength(1);
    expect(await countVersions(first.body.id)).toBe(1);
  });

  test('with other bytes makes the next version of the same document', async () => {
    const ada = await api.signIn();
    const first = await ada.post<Document>(url, { ...text, sourceKey: 'k' });

    const next = await ada.post<Document>(url, { ...text, content: 'New', sourceKey: 'k' });

    expect(next).toMatchObject({ status: 202, body: { id: first.body.id, version: 2, bytes: 3 } });
    expect(await statusOf(first.body.id, 1)).toBe('superseded');
    expect(await jobsOf(ada)).toMatchObject([{ version: 1 }, { version: 2 }]);
  });

  test('with the same bytes tries again what had failed', async () => {
    const ada = await api.signIn();
    const first = await ada.post<Document>(url, { ...text, sourceKey: 'k' });
    await worker.enter(versionOf(ada, first.body), 'failed');

    const again = await ada.post<Document>(url, { ...text, sourceKey: 'k' });

    expect(again).toMatchObject({ status: 202, body: { id: first.body.id, version: 2 } });
  });

  test('belongs to one workspace, and is free again after a delete', async () => {
    const [ada, eve] = [await api.signIn(), await api.signIn()];
    const body = { ...text, sourceKey: 'k' };
    const first = await ada.post<Document>(url, body);

    const foreign = await eve.post<Document>(url, body);
    await ada.delete(`${url}/${first.body.id}`);
    const anew = await ada.post<Document>(url, body);

    expect(foreign).toMatchObject({ status: 202, body: { version: 1 } });
    expect(anew).toMatchObject({ status: 202, body: { version: 1 } });
    expect(new Set([first, foreign, anew].map(({ body: { id } }) => id)).size).toBe(3);
  });

  test('makes one document of many first uploads at once', async () => {
    const ada = await api.signIn();

    const answers = await Promise.all(
      Array.from({ length: 6 }, () => ada.post<Document>(url, { ...text, sourceKey: 'race' })),
    );

    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.map(({ status }) => status).toSorted((a, b) => b - a)).toEqual([
      202, 200, 200, 200, 200, 200,
    ]);
    expect(await countVersions(answers[0]!.body.id)).toBe(1);
  });
});

describe('POST /api/v1/documents with a form', () => {
  test('takes one file with its fields, in any order', async () => {
    const ada = await api.signIn();
    const file = new File(['# Foxes'], 'foxes.md', { type: 'text/markdown' });

    const created = await sendForm(ada, [
      ['file', file],
      ['title', 'About foxes'],
      ['metadata', '{"year":2026}'],
      ['sourceKey', 'k'],
    ]);

    expect(created).toMatchObject({
      status: 202,
      body: {
        title: 'About foxes',
        contentType: 'text/markdown',
        bytes: 7,
        sourceKey: 'k',
        metadata: { year: 2026 },
      },
    });
    expect(await jobsOf(ada)).toMatchObject([{ documentId: created.body.id, version: 1 }]);
  });

  test.each([
    ['notes.txt', 'text/plain', 'text/plain'],
    ['page.html', 'text/html; charset=utf-8', 'text/html'],
    ['notes.md', 'text/plain', 'text/markdown'],
    ['notes.MD', 'application/octet-stream', 'text/markdown'],
    ['no-extension', 'text/markdown', 'text/markdown'],
  ])('reads %s sent as %s as %s', async (name, declared, contentType) => {
    const ada = await api.signIn();

    const created = await sendForm(ada, [['file', new File(['text'], name, { type: declared })]]);

    expect(created).toMatchObject({ status: 202, body: { contentType, title: name } });
  });

  test('makes a title of the name alone, wherever the name points', async () => {
    const ada = await api.signIn();
    const file = new File(['text'], '../../etc/pass\u202ewd.txt', { type: 'text/plain' });

    expect((await sendForm(ada, [['file', file]])).body.title).toBe('passwd.txt');
  });

  const fine = new File(['text'], 'a.txt', { type: 'text/plain' });

  test.each([
    ['no file', [['title', 'x']], 422, 'validation-failed', '/file'],
    [
      'two files',
      [
        ['file', fine],
        ['file', fine],
      ],
      422,
      'validation-failed',
      '/file',
    ],
    ['a file under another name', [['upload', fine]], 422, 'validation-failed', '/upload'],
    ['an empty file', [['file', bytes([])]], 422, 'validation-failed', '/file'],
    [
      'an unknown field',
      [
        ['file', fine],
        ['colour', 'red'],
      ],
      422,
      'validation-failed',
      '/colour',
    ],
    [
      'a field twice',
      [
        ['title', 'a'],
        ['title', 'b'],
        ['file', fine],
      ],
      422,
      'validation-failed',
      '/title',
    ],
    [
      'metadata that is no JSON',
      [
        ['metadata', '{'],
        ['file', fine],
      ],
      422,
      'validation-failed',
      '/metadata',
    ],
    [
      'nested metadata',
      [
        ['metadata', '{"a":[]}'],
        ['file', fine],
      ],
      422,
      'validation-failed',
      '/metadata/a',
    ],
    [
      'an image',
      [['file', bytes([1], 'a.png', 'image/png')]],
      415,
      'unsupported-media-type',
      undefined,
    ],
    [
      'bytes of no known name',
      [['file', bytes([1], 'a', 'application/octet-stream')]],
      415,
      'unsupported-media-type',
      undefined,
    ],
    [
      'a PDF, whatever it is called',
      [['file', new File(['%PDF-1.7'], 'a.txt', { type: 'text/plain' })]],
      422,
      'unsupported-document',
      undefined,
    ],
    [
      'a DOCX',
      [['file', bytes([0x50, 0x4b, 3, 4], 'a.docx')]],
      422,
      'unsupported-document',
      undefined,
    ],
    ['NUL bytes', [['file', bytes([0x61, 0, 0x62])]], 422, 'unsupported-document', undefined],
    [
      'text that is not UTF-8',
      [['file', bytes([0x61, 0xff, 0xfe])]],
      422,
      'unsupported-document',
      undefined,
    ],
    [
      'a file that is too large',
      [['file', bytes(Array(maxFileBytes + 1).fill(0x61))]],
      413,
      'payload-too-large',
      undefined,
    ],
  ] as const)('refuses %s and stores nothing', async (_, parts, status, code, pointer) => {
    const ada = await api.signIn();

    const refused = await sendForm(ada, parts);

    expect(refused).toMatchObject({ status, body: { code } });
    if (pointer) expect(refused.body).toMatchObject({ errors: [{ pointer }] });
    expect((await ada.get<DocumentPage>(url)).body.items).toEqual([]);
  });

  test('refuses early over a real connection, and reads the rest so that the client hears of it', async () => {
    const ada = await api.signIn();
    const origin = `http://127.0.0.1:${await api.app.listen('127.0.0.1', 0)}`;
    const send = async (parts: FormParts) => {
      const { body, type } = await encode(parts);
      const headers = { ...ada.authorization, 'content-type': type };
      return fetch(`${origin}${url}`, { method: 'POST', headers, body });
    };

    const tooLarge = await send([['file', bytes(Array(5_000_000).fill(0x61))]]);
    const second = await send([
      ['file', fine],
      ['file', bytes(Array(5_000_000).fill(0x61))],
    ]);
    const accepted = await send([['file', fine]]);

    expect([tooLarge.status, second.status, accepted.status]).toEqual([413, 422, 202]);
  });

  test('takes a file of exactly the limit', async () => {
    const ada = await api.signIn();

    const created = await sendForm(ada, [['file', bytes(Array(maxFileBytes).fill(0x61))]]);

    expect(created).toMatchObject({ status: 202, body: { bytes: maxFileBytes } });
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    [
      'a body that breaks off',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form',
    ],
    ['no part at all', 'multipart/form-data; boundary=b', '--b--\r\n'],
  ])('refuses a form with %s', async (_, contentType, body) => {
    const ada = await api.signIn();

    const refused = await ada.post(url, body, { 'content-type': contentType });

    expect([400, 422]).toContain(refused.status);
    expect((await ada.get<DocumentPage>(url)).body.items).toEqual([]);
  });

  test('answers a repetition with the same key as the first time, whatever the boundary', async () => {
    const ada = await api.signIn();
    const key = { 'idempotency-key': 'k-1' };

    const first = await sendForm(ada, [['file', fine]], key);
    const again = await sendForm(ada, [['file', fine]], key);
    const other = await sendForm(ada, [['file', bytes([0x62])]], key);

    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
    expect((await ada.get<DocumentPage>(url)).body.items).toHaveLength(1);
  });

  test('is for routes that say so', async () => {
    const ada = await api.signIn();
    const { body, type } = await encode([['title', 'x']]);

    const refused = await ada.post('/api/v1/tasks', body, { 'content-type': type });

    expect(refused).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
  });
});

describe('GET /api/v1/documents', () => {
  test('pages through everything once, newest first', async () => {
    const ada = await api.signIn();
    const ids: string[] = [];
    for (const title of ['a', 'b', 'c', 'd', 'e']) ids.unshift((await submit(ada, { title })).id);

    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: { body: DocumentPage } = await ada.get<DocumentPage>(
        `${url}?limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...page.body.items.map(({ id }) => id));
      cursor = page.body.nextCursor;
    }

    expect(seen).toEqual(ids);
  });

  test.each([
    ['status=received', ['Plain', '100% _certain_', 'Keyed']],
    ['status=failed', ['Broken']],
    ['sourceKey=wiki/1', ['Keyed']],
    ['sourceKey=wiki', []],
    ['q=PLAI', ['Plain']],
    ['q=100%25', ['100% _certain_']],
    ['q=_', ['100% _certain_']],
  ])('filters by %s', async (filter, expected) => {
    const ada = await api.signIn();
    await submit(ada, { title: 'Keyed', sourceKey: 'wiki/1' });
    await submit(ada, { title: '100% _certain_' });
    await submit(ada, { title: 'Plain' });
    await worker.enter(versionOf(ada, await submit(ada, { title: 'Broken' })), 'failed');

    const page = await ada.get<DocumentPage>(`${url}?${filter}`);

    expect(page.body.items.map(({ title }) => title)).toEqual(expected);
  });

  test('refuses a cursor of another filter or workspace', async () => {
    const [ada, eve] = [await api.signIn(), await api.signIn()];
    await submit(ada);
    await submit(ada);
    const { body } = await ada.get<DocumentPage>(`${url}?limit=1`);

    for (const refused of [
      await ada.get(`${url}?cursor=${body.nextCursor}&status=ready`),
      await eve.get(`${url}?cursor=${body.nextCursor}`),
    ]) {
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } });
    }
  });

  test.each(['limit=0', 'status=superseded', 'colour=red', 'q='])('refuses %s', async (query) => {
    const ada = await api.signIn();

    const refused = await ada.get(`${url}?${query}`);

    const pointer = `/${query.split('=', 1)[0]}`;
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
  });
});

describe('GET /api/v1/documents/{id}', () => {
  test('says 304 until a person or the worker changes something', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;

    expect((await ada.get(at, { 'if-none-match': etag! })).status).toBe(304);
    await worker.enter(versionOf(ada, document), 'embedding', { characters: 9, chunks: 2 });
    const moved = await ada.get<Document>(at, { 'if-none-match': etag! });

    expect(moved).toMatchObject({
      status: 200,
      body: { status: 'embedding', counts: { characters: 9, chunks: 2, embedded: 2 } },
    });
  });

  test('says why a document failed', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    await worker.enter(versionOf(ada, document), 'failed');

    const failed = await ada.get(`${url}/${document.id}`);

    expect(failed.body).toMatchObject({
      status: 'failed',
      error: { code: 'corrupt', detail: 'It is broken.' },
    });
  });
});

describe('GET /api/v1/documents/{id}/content', () => {
  test('gives the canonical text of the version that search serves', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    await worker.finish(versionOf(ada, document));
    await replace(ada, document.id, 'Not ready yet.');

    const content = await ada.get<DocumentContent>(`${url}/${document.id}/content`);

    expect(content).toMatchObject({
      status: 200,
      body: { documentId: document.id, version: 1, characters: 19, text: text.content },
    });
  });

  test('asks to come back while the first version is processed', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);

    const early = await ada.get(`${url}/${document.id}/content`);

    expect(early).toMatchObject({ status: 409, body: { code: 'document-busy' } });
    expect(early.headers['retry-after']).toBe('1');
  });

  test('says so when no version became readable', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    await worker.enter(versionOf(ada, document), 'failed');

    const never = await ada.get(`${url}/${document.id}/content`);

    expect(never).toMatchObject({ status: 409, body: { code: 'document-unreadable' } });
  });
});

describe('PUT /api/v1/documents/{id}', () => {
  const change = { content: 'A text about badgers.', contentType: 'text/plain' };

  test('makes a new version and queues it', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;

    const replaced = await ada.put<Document>(
      at,
      { ...change, title: 'Badgers', metadata: { a: 1 } },
      { 'if-match': etag! },
    );

    expect(replaced).toMatchObject({
      status: 202,
      body: { version: 2, title: 'Badgers', metadata: { a: 1 }, status: 'received' },
    });
    expect((await ada.get(at)).headers.etag).toBe(replaced.headers.etag);
    expect(await jobsOf(ada)).toMatchObject([{ version: 1 }, { version: 2 }]);
    expect(await eventsOf(ada)).toMatchObject([{ version: 1 }, { version: 2, status: 'received' }]);
  });

  test('keeps title and metadata that it does not name', async () => {
    const ada = await api.signIn();
    const document = await submit(ada, { metadata: { a: 1 } });

    const replaced = await replace(ada, document.id, 'Other');

    expect(replaced.body).toMatchObject({ title: 'Foxes', metadata: { a: 1 } });
  });

  test('takes a file, too', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const file = new File(['# Badgers'], 'badgers.md', { type: 'text/markdown' });
    const { body, type } = await encode([['file', file]]);

    const replaced = await ada.put<Document>(`${url}/${document.id}`, body, {
      'content-type': type,
      'if-match': '*',
    });

    expect(replaced).toMatchObject({
      status: 202,
      body: { version: 2, contentType: 'text/markdown', title: 'Foxes' },
    });
  });

  test('with the bytes there are makes no version, but takes the title', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);

    const same = await ada.put<Document>(
      `${url}/${document.id}`,
      { content: text.content, contentType: text.contentType, title: 'Renamed' },
      { 'if-match': '*' },
    );

    expect(same).toMatchObject({ status: 200, body: { version: 1, title: 'Renamed' } });
    expect(await jobsOf(ada)).toHaveLength(1);
  });

  test('needs If-Match, and one that is not stale', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;
    await ada.patch(at, { title: 'Meanwhile' });

    const without = await ada.put(at, change);
    const stale = await ada.put(at, change, { 'if-match': etag! });

    expect(without).toMatchObject({ status: 428, body: { code: 'if-match-required' } });
    expect(stale).toMatchObject({ status: 412, body: { code: 'version-mismatch' } });
    expect((await ada.get(at)).body).toMatchObject({ version: 1, title: 'Meanwhile' });
  });

  test('is not refused for what the worker did meanwhile', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;
    await worker.enter(versionOf(ada, document), 'embedding');

    expect((await ada.put(at, change, { 'if-match': etag! })).status).toBe(202);
  });

  test('lets one of many concurrent writers win', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;

    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        ada.put(at, { ...change, content: `Writer ${n}` }, { 'if-match': etag! }),
      ),
    );

    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      202, 412, 412, 412, 412,
    ]);
    expect(await countVersions(document.id)).toBe(2);
  });

  test('refuses a bad body with pointers and changes nothing', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;

    const refused = await ada.put(at, { content: '', sourceKey: 'x' }, { 'if-match': '*' });

    expect(refused.status).toBe(422);
    expect(refused.body.errors).toMatchObject([
      { pointer: '/content' },
      { pointer: '/contentType' },
      { pointer: '/sourceKey' },
    ]);
    expect((await ada.get(at)).body).toEqual(document);
  });
});

describe('PATCH /api/v1/documents/{id}', () => {
  test('changes the title and merges metadata, null removing an entry', async () => {
    const ada = await api.signIn();
    const document = await submit(ada, { metadata: { a: 1, b: 'two', c: true } });

    const patched = await ada.patch<Document>(
      `${url}/${document.id}`,
      { title: 'New', metadata: { a: null, b: 2, d: 'four' } },
      { 'content-type': 'application/merge-patch+json' },
    );

    expect(patched).toMatchObject({ status: 200, body: { title: 'New', version: 1 } });
    expect(patched.body.metadata).toEqual({ b: 2, c: true, d: 'four' });
    expect(await jobsOf(ada)).toHaveLength(1);
  });

  test('that says what is so already changes nothing, not even the tag', async () => {
    const ada = await api.signIn();
    const document = await submit(ada, { metadata: { a: 1 } });
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;

    const patched = await ada.patch(at, { title: 'Foxes', metadata: { a: 1 } });

    expect(patched).toMatchObject({ status: 200, body: document });
    expect(patched.headers.etag).toBe(etag);
  });

  test.each([
    ['an empty title', { title: '' }, '/title'],
    ['content', { content: 'x' }, '/content'],
    ['nested metadata', { metadata: { a: [] } }, '/metadata/a'],
    ['more entries than there may be', { metadata: manyEntries(40) }, '/metadata'],
  ])('refuses %s', async (_, patch, pointer) => {
    const ada = await api.signIn();
    const document = await submit(ada);

    const refused = await ada.patch(`${url}/${document.id}`, patch);

    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    expect((await ada.get(`${url}/${document.id}`)).body).toEqual(document);
  });

  test('refuses a stale tag', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;
    await ada.patch(at, { title: 'First' });

    const stale = await ada.patch(at, { title: 'Second' }, { 'if-match': etag! });

    expect(stale).toMatchObject({ status: 412, body: { code: 'version-mismatch' } });
    expect((await ada.get(at)).body).toMatchObject({ title: 'First' });
  });
});

describe('DELETE /api/v1/documents/{id}', () => {
  test('hides the document at once, stops its version and queues the purge', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    await worker.enter(versionOf(ada, document), 'embedding');

    const deleted = await ada.delete(at);

    expect(deleted).toMatchObject({ status: 204, text: '' });
    expect((await ada.get(at)).status).toBe(404);
    expect((await ada.get(`${at}/content`)).status).toBe(404);
    expect((await ada.get<DocumentPage>(url)).body.items).toEqual([]);
    expect((await ada.delete(at)).status).toBe(404);
    expect(await statusOf(document.id, 1)).toBe('cancelled');
    expect(await jobsOf(ada)).toMatchObject([
      { name: 'document.ingest' },
      { name: 'document.purge', documentId: document.id },
    ]);
  });

  test('refuses a stale tag', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    const at = `${url}/${document.id}`;
    const { etag } = (await ada.get(at)).headers;
    await ada.patch(at, { title: 'Meanwhile' });

    expect((await ada.delete(at, { 'if-match': etag! })).status).toBe(412);
    expect((await ada.get(at)).status).toBe(200);
  });

  test('is done once for many at the same time', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);

    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ada.delete(`${url}/${document.id}`)),
    );

    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      204, 404, 404, 404,
    ]);
    expect(await jobsOf(ada)).toHaveLength(2);
  });
});

describe('POST /api/v1/documents/{id}/reindex', () => {
  test('makes a version with the same bytes', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    await worker.finish(versionOf(ada, document));

    const again = await ada.post<Document>(`${url}/${document.id}/reindex`);

    expect(again).toMatchObject({
      status: 202,
      body: { version: 2, bytes: 19, status: 'received' },
    });
    expect(await jobsOf(ada)).toMatchObject([{ version: 1 }, { version: 2 }]);
    await worker.finish(versionOf(ada, again.body));
    const content = await ada.get<DocumentContent>(`${url}/${document.id}/content`);
    expect(content.body).toMatchObject({ version: 2, text: text.content });
  });

  test('is refused while a version is processed', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);

    const busy = await ada.post(`${url}/${document.id}/reindex`);

    expect(busy).toMatchObject({ status: 409, body: { code: 'document-busy' } });
    expect(await countVersions(document.id)).toBe(1);
  });

  test('happens once for one key, which belongs to one document', async () => {
    const ada = await api.signIn();
    const [one, two] = [await submit(ada), await submit(ada)];
    await worker.enter(versionOf(ada, one), 'failed');
    const key = { 'idempotency-key': 'k' };

    const first = await ada.post(`${url}/${one.id}/reindex`, undefined, key);
    const again = await ada.post(`${url}/${one.id}/reindex`, undefined, key);
    const other = await ada.post(`${url}/${two.id}/reindex`, undefined, key);

    expect(first).toMatchObject({ status: 202, body: { version: 2 } });
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
    expect(await countVersions(one.id)).toBe(2);
  });
});

describe('POST /api/v1/documents/{id}/cancel', () => {
  test('ends what is under way, and says so', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    await worker.enter(versionOf(ada, document), 'embedding');

    const cancelled = await ada.post<Document>(`${url}/${document.id}/cancel`);
    const again = await ada.post<Document>(`${url}/${document.id}/cancel`);

    expect(cancelled).toMatchObject({ status: 202, body: { status: 'cancelled', version: 1 } });
    expect(again).toMatchObject({ status: 202, body: cancelled.body });
    expect(await eventsOf(ada)).toMatchObject([{ status: 'received' }, { status: 'cancelled' }]);
  });

  test('leaves the version that is ready where it is', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    await worker.finish(versionOf(ada, document));
    await replace(ada, document.id, 'Never mind');

    await ada.post(`${url}/${document.id}/cancel`);

    const content = await ada.get<DocumentContent>(`${url}/${document.id}/content`);
    expect(content.body).toMatchObject({ version: 1, text: text.content });
  });

  test('is refused when nothing is under way', async () => {
    const ada = await api.signIn();
    const document = await submit(ada);
    await worker.finish(versionOf(ada, document));

    const idle = await ada.post(`${url}/${document.id}/cancel`);

    expect(idle).toMatchObject({ status: 409, body: { code: 'document-idle' } });
  });
});

type FormParts = readonly (readonly [name: string, value: string | File])[];

async function submit(user: TestUser, fields: object = {}): Promise<Document> {
  const { status, body } = await user.post<Document>(url, { ...text, ...fields });
  expect(status).toBe(202);
  return body;
}

function replace(user: TestUser, id: string, content: string) {
  const body = { content, contentType: 'text/plain' };
  return user.put<Document>(`${url}/${id}`, body, { 'if-match': '*' });
}

async function sendForm(user: TestUser, parts: FormParts, headers: Record<string, string> = {}) {
  const { body, type } = await encode(parts);
  return user.post<Document & Record<string, unknown>>(url, body, {
    'content-type': type,
    ...headers,
  });
}

async function encode(parts: FormParts) {
  const form = new FormData();
  for (const [name, value] of parts) form.append(name, value);
  const encoded = new Response(form);
  const body = Buffer.from(await encoded.arrayBuffer());
  return { body, type: encoded.headers.get('content-type')! };
}

/** A body that the route takes. */
function bodyOf(method: string, path: string) {
  if (path.endsWith('reindex') || path.endsWith('cancel')) return undefined;
  if (method === 'PATCH') return { title: 'Mine' };
  if (method === 'PUT') return { content: 'Mine', contentType: 'text/plain' };
  return method === 'POST' ? text : undefined;
}

function bytes(content: number[], name = 'a.txt', type = 'text/plain') {
  return new File([new Uint8Array(content)], name, { type });
}

function versionOf(user: TestUser, { id, version }: Document) {
  return { workspaceId: user.workspaceId, documentId: id, version };
}

function manyEntries(count: number) {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, n]));
}

/** What the worker has been asked to do in the user's workspace, in order. */
async function jobsOf(user: TestUser) {
  await outboxIsEmpty();
  const jobs: Record<string, unknown>[] = [];
  for (const key of await api.queue.keys(`${api.redis.prefix}:bull:documents:*-*-*-*-*`)) {
    const [name, data, timestamp] = await api.queue.hmget(key, 'name', 'data', 'timestamp');
    const { payload } = JSON.parse(data ?? '{}') as { payload?: { workspaceId: string } };
    if (payload?.workspaceId === user.workspaceId) jobs.push({ key, name, timestamp, ...payload });
  }
  return jobs
    .toSorted((a, b) => (String(a.key) < String(b.key) ? -1 : 1))
    .map(({ key: _key, timestamp: _timestamp, ...job }) => job);
}

/** What listeners in the user's workspace have been told, in order. */
async function eventsOf(user: TestUser): Promise<unknown[]> {
  await outboxIsEmpty();
  const entries = await api.queue.xrange(
    `${api.redis.prefix}:events:${user.workspaceId}`,
    '-',
    '+',
  );
  return entries.map(([, fields]) => JSON.parse(fields[fields.indexOf('data') + 1]!) as unknown);
}

async function outboxIsEmpty() {
  await waitFor(
    async () => {
      const rows = await admin.unscoped.query('test.outbox', 'select id from app.outbox');
      return rows.length === 0;
    },
    { what: 'the outbox to be relayed' },
  );
}

async function countVersions(documentId: string): Promise<number> {
  const [row] = await admin.unscoped.query<{ count: number }>(
    'test.count_versions',
    `select count(*)::int as count from app.document_versions where document_id = $1`,
    [documentId],
  );
  return row!.count;
}

async function statusOf(documentId: string, version: number): Promise<string | undefined> {
  const [row] = await admin.unscoped.query<{ status: string }>(
    'test.status',
    `select status from app.document_versions where document_id = $1 and version = $2`,
    [documentId, version],
  );
  return row?.status;
}
