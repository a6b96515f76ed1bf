import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import { ProblemDocument } from '@capstone/contracts/problem-document';
import { SearchResult } from '@capstone/contracts/search';
import { Task, TaskPage } from '@capstone/contracts/tasks';
import { check, expectStatus, Missed, type Probe } from './probe.js';

const handshakeTimeoutMs = 5_000;

/** What is kept apart, and what is not taken in: milestone 2. */
export const isolationProbes: readonly Probe[] = [
  {
    milestone: 2,
    item: "Another workspace's ids answer 404, and nothing changes",
    proof: ['services/api/test/tasks.test.ts', 'services/api/test/schema.test.ts'],
    async run({ ada, bob, document }) {
      const created = await ada.expect(201, 'POST', '/tasks', { body: { title: 'Only mine' } });
      const task = Task.parse(created.json);
      const paths = [`/tasks/${task.id}`, ...(document ? [`/documents/${document.id}`] : [])];
      for (const path of paths) {
        await bob.expect(404, 'GET', path);
        await bob.expect(404, 'PATCH', path, { body: { title: 'Mine now' } });
        await bob.expect(404, 'DELETE', path);
      }
      const after = await ada.expect(200, 'GET', `/tasks/${task.id}`);
      check(Task.parse(after.json).version === task.version, 'the task was changed');
      const list = TaskPage.parse((await bob.expect(200, 'GET', '/tasks')).json);
      check(list.items.length === 0, 'a list shows tasks of another workspace');
      return `${paths.length * 3} attempts answered 404, the task is unchanged`;
    },
  },
  {
    milestone: 2,
    item: "Search never finds another workspace's documents",
    proof: ['services/api/test/search.test.ts', 'packages/retrieval/test/search.test.ts'],
    async run({ ada, bob, document }) {
      check(document !== undefined, 'no document became ready to search for');
      for (const mode of ['keyword', 'vector', 'hybrid']) {
        const body = { query: document.title, mode };
        const mine = SearchResult.parse((await ada.expect(200, 'POST', '/search', { body })).json);
        const theirs = SearchResult.parse(
          (await bob.expect(200, 'POST', '/search', { body })).json,
        );
        check(mine.items.length > 0, `${mode} does not even find one's own`);
        check(theirs.items.length === 0, `${mode} shows documents of another workspace`);
      }
      return 'found in three modes by its owner, in none by a stranger';
    },
  },
  {
    milestone: 2,
    item: 'Row-level security in the database, forced on every table with a workspace',
    proof: ['services/api/test/schema.test.ts', 'packages/platform/test/database.test.ts'],
  },
  {
    milestone: 2,
    item: 'Services accept calls with a certificate of our own only (mutual TLS)',
    proof: ['services/auth/test/mtls.test.ts', 'packages/contracts/src/grpc-allow.ts'],
    async run({ grpcAddress }) {
      check(grpcAddress !== undefined, 'not reachable from here');
      return refusesStranger(grpcAddress);
    },
  },
  {
    milestone: 2,
    item: 'Bad input is refused by name and changes nothing',
    proof: ['services/api/test/http.test.ts', 'services/api/test/tasks.test.ts'],
    async run({ api, ada }) {
      const json = { 'content-type': 'application/json' };
      const unknown = await ada.expect(422, 'POST', '/tasks', {
        body: { title: 'a', admin: true },
      });
      const pointers = ProblemDocument.parse(unknown.json).errors?.map(({ pointer }) => pointer);
      check(pointers !== undefined && pointers.length > 0, 'the 422 names no field');
      await ada.expect(422, 'POST', '/tasks', { body: { title: '' } });
      await ada.expect(400, 'POST', '/tasks', { headers: json, body: '{"title":' });
      await ada.expect(415, 'POST', '/tasks', {
        headers: { 'content-type': 'text/csv' },
        body: 'a',
      });
      await ada.expect(400, 'GET', '/tasks?cursor=nonsense');
      const polluting = await ada.send('POST', '/tasks', {
        headers: json,
        body: '{"title":"a","__proto__":{"admin":true}}',
      });
      check(polluting.status >= 400 && polluting.status < 500, 'a polluting key was taken in');
      const huge = await statusForLength(`${api.apiUrl}/tasks`, ada.token, 12_000_000);
      check(huge === 413, `a body of 12 MB answered ${huge}`);
      return `422 with ${pointers.join(', ')}, 400, 415, 413; no 500`;
    },
  },
  {
    milestone: 2,
    item: 'Answers carry the security headers and do not say what made them',
    proof: ['packages/platform/test/http.test.ts'],
    async run({ ada }) {
      const { headers } = await ada.expect(200, 'GET', '/tasks?limit=1');
      const wanted = [
        'x-content-type-options',
        'content-security-policy',
        'strict-transport-security',
        'referrer-policy',
      ];
      const missing = wanted.filter((name) => !headers.has(name));
      check(missing.length === 0, `missing: ${missing.join(', ')}`);
      const telling = ['server', 'x-powered-by'].filter((name) => headers.has(name));
      check(telling.length === 0, `present: ${telling.join(', ')}`);
      check(
        /no-store|private/.test(headers.get('cache-control') ?? ''),
        'private answers may be cached',
      );
      return `${wanted.length} of ${wanted.length}, and no-store`;
    },
  },
  {
    milestone: 2,
    item: 'Callers are limited, and told so',
    proof: ['services/api/test/limits.test.ts'],
    async run({ ada }) {
      const { headers } = await ada.expect(200, 'GET', '/tasks?limit=1');
      const policy = headers.get('ratelimit-policy');
      check(policy !== null && headers.has('ratelimit'), 'no RateLimit headers');
      return policy;
    },
  },
  {
    milestone: 2,
    item: 'Health and metrics are not at the public door',
    proof: ['services/api/test/http.test.ts', 'packages/platform/test/bootstrap.test.ts'],
    async run({ api }) {
      for (const path of ['//metrics', '//livez', '//readyz']) {
        expectStatus(404, path.slice(1), await api.send('GET', path));
      }
      return '/metrics, /livez, /readyz answered 404';
    },
  },
];

/**
 * Connects without a client certificate. With TLS 1.3 the client believes the handshake done before the server has looked
 * at its certificate, so only an answer counts as being let in: an HTTP/2 server speaks first.
 */
function refusesStranger(address: string): Promise<string> {
  const [host = 'localhost', port = ''] = address.split(/:(?=\d+$)/);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(port),
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    });
    socket.setTimeout(handshakeTimeoutMs, () => settle(new Missed('no answer either way')));
    socket.on('data', () => settle(new Missed('a caller without a certificate was let in')));
    socket.on('error', (error: Error & { code?: string }) => {
      const refused = error.code !== 'ECONNREFUSED' && error.code !== 'ENOTFOUND';
      settle(refused ? (error.code ?? error.message) : new Missed(`${address}: ${error.code}`));
    });
    socket.on('close', () => settle('connection closed'));
    const settle = (outcome: string | Missed) => {
      socket.destroy();
      if (typeof outcome === 'string') resolve(`refused without a certificate: ${outcome}`);
      else reject(outcome);
    };
  });
}

/** Only announces the body: a server that refuses it early closes the connection, and a client still sending sees just that. */
function statusForLength(url: string, token: string, bytes: number): Promise<number> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': bytes,
    };
    const request = send(url, { method: 'POST', headers, timeout: handshakeTimeoutMs });
    request.on('response', ({ statusCode }) => {
      request.destroy();
      resolve(statusCode ?? 0);
    });
    request.on('timeout', () => request.destroy(new Missed('a body of 12 MB was waited for')));
    request.on('error', reject);
    request.write('{');
  });
}
