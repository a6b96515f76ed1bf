import { randomUUID } from 'node:crypto';
import { Document, DocumentPage } from '@capstone/contracts/documents';
import { ProblemDocument } from '@capstone/contracts/problem-document';
import { Task, TaskPage } from '@capstone/contracts/tasks';
import { check, expectStatus, type Person, type Probe } from './probe.js';

/** Three CRUD APIs: milestone 3. */
export const crudProbes: readonly Probe[] = [
  {
    milestone: 3,
    item: 'CRUD API 1, tasks: create, read, list, replace, patch, delete',
    proof: ['services/api/test/tasks.test.ts'],
    async run({ ada }) {
      const created = await ada.expect(201, 'POST', '/tasks', {
        body: { title: 'Write the docs' },
      });
      const task = Task.parse(created.json);
      const path = `/tasks/${task.id}`;
      check(
        created.headers.get('location')?.endsWith(path) ?? false,
        'no Location of the new task',
      );
      const patched = await ada.expect(200, 'PATCH', path, { body: { status: 'doing' } });
      const { status, version } = Task.parse(patched.json);
      check(status === 'doing' && version > task.version, 'the patch did not take');
      const headers = { 'if-match': etagOf(patched.headers) };
      const replaced = await ada.expect(200, 'PUT', path, { body: { title: 'Replaced' }, headers });
      check(Task.parse(replaced.json).status === 'todo', 'PUT keeps what was left out');
      const { items } = TaskPage.parse((await ada.expect(200, 'GET', '/tasks')).json);
      check(
        items.some(({ id }) => id === task.id),
        'the list does not show it',
      );
      await ada.expect(204, 'DELETE', path);
      await ada.expect(404, 'DELETE', path);
      await ada.expect(404, 'GET', path);
      return 'all six, and 404 after the end';
    },
  },
  {
    milestone: 3,
    item: 'CRUD API 2, documents: upload, read, list, replace, patch, delete',
    proof: ['services/api/test/documents.test.ts'],
    async run({ ada }) {
      const body = { title: 'A note', content: 'One line of text.', contentType: 'text/plain' };
      const uploaded = await ada.expect(202, 'POST', '/documents', { body });
      const path = `/documents/${Document.parse(uploaded.json).id}`;
      await untilSettled(ada, path);
      await ada.expect(200, 'PATCH', path, { body: { title: 'A better title' } });
      const replacement = { content: 'Another line of text.', contentType: 'text/plain' };
      const headers = { 'if-match': etagOf((await ada.expect(200, 'GET', path)).headers) };
      const replaced = await ada.send('PUT', path, { body: replacement, headers });
      check([200, 202].includes(replaced.status), `PUT answered ${replaced.status}`);
      const { title } = await untilSettled(ada, path);
      check(title === 'A better title', 'the title was lost');
      const { items } = DocumentPage.parse((await ada.expect(200, 'GET', '/documents')).json);
      check(
        items.some(({ id }) => path.endsWith(id)),
        'the list does not show it',
      );
      await ada.expect(204, 'DELETE', path);
      await ada.expect(404, 'GET', path);
      return 'all six, and 404 after the end';
    },
  },
  {
    milestone: 3,
    item: 'CRUD API 3, workspaces: create, read, list, patch, delete',
    proof: [],
    async run({ ada, bob }) {
      const created = await ada.expect(201, 'POST', '/workspaces', { body: { name: 'Second' } });
      const { id } = created.json as { id: string };
      const path = `/workspaces/${id}`;
      await ada.expect(200, 'GET', path);
      await ada.expect(200, 'PATCH', path, { body: { name: 'Renamed' } });
      const { items } = (await ada.expect(200, 'GET', '/workspaces')).json as {
        items: { id: string }[];
      };
      check(
        items.some((workspace) => workspace.id === id),
        'the list does not show it',
      );
      await bob.expect(404, 'GET', path);
      await ada.expect(204, 'DELETE', path);
      await ada.expect(404, 'GET', path);
      return 'all five, 404 for a stranger';
    },
  },
  {
    milestone: 3,
    item: 'Lists are paged by a cursor, without gaps or repeats',
    proof: ['services/api/test/tasks.test.ts'],
    async run({ ada }) {
      const label = `page-${randomUUID().slice(0, 8)}`;
      for (let count = 0; count < 5; count++) {
        await ada.expect(201, 'POST', '/tasks', {
          body: { title: `Page ${count}`, labels: [label] },
        });
      }
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const answer = await ada.expect(200, 'GET', `/tasks?limit=2&label=${label}${after}`);
        const page = TaskPage.parse(answer.json);
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
        check(seen.length <= 5, 'the pages do not end');
      }
      check(new Set(seen).size === 5, `${new Set(seen).size} of 5 tasks in the pages`);
      return '5 tasks in 3 pages, each once';
    },
  },
  {
    milestone: 3,
    item: 'ETag, 304, If-Match: nobody overwrites what they have not seen',
    proof: ['services/api/test/tasks.test.ts'],
    async run({ ada }) {
      const created = await ada.expect(201, 'POST', '/tasks', { body: { title: 'Tagged' } });
      const path = `/tasks/${Task.parse(created.json).id}`;
      const old = etagOf(created.headers);
      await ada.expect(304, 'GET', path, { headers: { 'if-none-match': old } });
      await ada.expect(428, 'PUT', path, { body: { title: 'Blind' } });
      await ada.expect(200, 'PATCH', path, {
        body: { title: 'New' },
        headers: { 'if-match': old },
      });
      await ada.expect(412, 'PATCH', path, {
        body: { title: 'Late' },
        headers: { 'if-match': old },
      });
      return '304, 428, 412';
    },
  },
  {
    milestone: 3,
    item: 'A repeated request with its Idempotency-Key does nothing twice',
    proof: ['services/api/test/tasks.test.ts'],
    async run({ ada }) {
      const headers = { 'idempotency-key': randomUUID() };
      const body = { title: 'Once' };
      const first = await ada.expect(201, 'POST', '/tasks', { body, headers });
      const again = await ada.expect(201, 'POST', '/tasks', { body, headers });
      check(first.text === again.text, 'the repetition made another task');
      const other = await ada.expect(422, 'POST', '/tasks', { body: { title: 'Twice' }, headers });
      ProblemDocument.parse(other.json);
      return 'same answer; 422 for another body';
    },
  },
  {
    milestone: 3,
    item: 'Every error is a problem document (RFC 9457)',
    proof: ['services/api/test/http.test.ts', 'docs/problems.md'],
    async run({ api, ada }) {
      const answers = [
        await ada.send('GET', `/tasks/${randomUUID()}`),
        await ada.send('GET', '/nothing-here'),
        await ada.send('POST', '/tasks', { body: {} }),
        await api.send('GET', '/tasks'),
      ];
      for (const { status, headers, json } of answers) {
        const type = headers.get('content-type') ?? '';
        check(type.startsWith('application/problem+json'), `${status} is ${type}`);
        const problem = ProblemDocument.parse(json);
        check(problem.type === `urn:capstone:problem:${problem.code}`, `type is ${problem.type}`);
        check(problem.status === status, `says ${problem.status} in a ${status}`);
      }
      return `${answers.length} of ${answers.length}: ${answers.map(({ status }) => status).join(', ')}`;
    },
  },
  {
    milestone: 3,
    item: 'The API describes itself (OpenAPI 3.1)',
    proof: ['services/api/test/openapi.test.ts'],
    async run({ api }) {
      const answer = expectStatus(200, 'openapi.json', await api.send('GET', '/openapi.json'));
      const { openapi, paths } = answer.json as { openapi: string; paths: object };
      check(openapi.startsWith('3.1'), `it is OpenAPI ${openapi}`);
      expectStatus(200, '/docs', await api.send('GET', '//docs'));
      return `${Object.keys(paths).length} paths, a reader at /docs`;
    },
  },
];

function etagOf(headers: Headers): string {
  const etag = headers.get('etag');
  check(etag !== null, 'no ETag');
  return etag;
}

/** Until it is ready; throws `Missed` when it fails or takes longer than 30 s. */
export async function untilSettled(person: Person, path: string): Promise<Document> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const document = Document.parse((await person.expect(200, 'GET', path)).json);
    if (document.status === 'ready') return document;
    check(document.status !== 'failed', `the document failed: ${document.error?.detail}`);
    check(performance.now() < deadlineMs, `the document is ${document.status} after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
