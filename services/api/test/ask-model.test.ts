import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AskAnswer } from '@capstone/contracts/ask';
import type { Document, DocumentContent } from '@capstone/contracts/documents';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { notFoundAnswer } from '@capstone/retrieval/answers/compose-answer';
import {
  anthropicEvents,
  FakeModelServer,
  openAiEvents,
} from '@capstone/testing/fake-model-server';
import { waitFor } from '@capstone/testing/wait-for';
import { askTokens } from '../src/metrics.js';
import { TestApi, type TestUser } from './api-app.js';
import { eventsIn } from './event-reader.js';
import { FakeWorker } from './fake-worker.js';

const url = '/api/v1/ask';
const streamed = { accept: 'text/event-stream' };
const question = 'How fast is a page answered?';
const sentence = 'The person on call answers a page within fifteen minutes.';
const handbook = `# Paging\n\n${sentence} Whoever cannot hands over first.\n`;

const providers = {
  openai: (text: string) => openAiEvents([text.slice(0, 9), `${text.slice(9)} [1].`]),
  anthropic: (text: string) =>
    anthropicEvents([
      { texts: [text, '.'], citations: [{ document: 0, start: 0, end: 0, text: sentence }] },
    ]),
};

let model: FakeModelServer;
beforeAll(async () => {
  model = await FakeModelServer.start();
});
afterAll(() => model.stop());
beforeEach(() => void model.requests.splice(0));

describe.each(['openai', 'anthropic'] as const)('with %s', (provider) => {
  let api: TestApi;
  let worker: FakeWorker;
  let admin: Database;
  let origin: string;
  beforeAll(async () => {
    api = await TestApi.start({
      ASK_PROVIDER: provider,
      ASK_BASE_URL: model.origin,
      ASK_MODEL: 'fake',
      ASK_API_KEY: 'secret',
      ASK_MAX_CONCURRENT: '1',
      ASK_TOKENS_PER_DAY: '300',
    });
    worker = new FakeWorker(api.database);
    admin = openAdmin(api);
    await api.app.listen('127.0.0.1', 0);
    origin = `http://127.0.0.1:${(api.app.fastify.server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await Promise.all([worker.close(), admin.close()]);
    await api.stop();
  });
  const answering = (text: string) => ({ events: providers[provider](text) });
  const signInWithHandbook = async () => {
    const user = await api.signIn();
    const document = await addReady(user, worker);
    return { user, document };
  };
  const ledgerOf = ({ workspaceId }: TestUser) =>
    admin.unscoped.query(
      'test_ledger',
      `select provider, model, input_tokens, output_tokens, estimated
       from app.usage_ledger where workspace_id = $1`,
      [workspaceId],
    );
  const runsOf = ({ workspaceId }: TestUser) =>
    admin.unscoped.query<{ status: string; failure: string | null }>(
      'test_runs',
      'select status, failure from app.ask_runs where workspace_id = $1 order by id',
      [workspaceId],
    );

  test('streams what the model says, every citation true, and counts what it cost', async () => {
    const { user, document } = await signInWithHandbook();
    model.next(answering('A page is answered within fifteen minutes'));
    const before = await tokensCounted();

    const asked = await user.post(url, { question }, streamed);

    const events = eventsIn(asked.text);
    const deltas = events.flatMap(({ name, data }) => (name === 'delta' ? [data.text] : []));
    expect(deltas.join('')).toBe('A page is answered within fifteen minutes.');
    const citations = events.filter(({ name }) => name === 'citation');
    expect(citations).toHaveLength(1);
    const { body } = await user.get<DocumentContent>(`/api/v1/documents/${document.id}/content`);
    const { charStart, charEnd, quote } = citations[0]!.data as unknown as CitationFields;
    expect(quote).toBe(sentence);
    expect(body.text.slice(charStart, charEnd)).toBe(quote);
    expect(events.find(({ name }) => name === 'usage')!.data).toEqual({
      inputTokens: 120,
      outputTokens: 30,
      cachedTokens: 0,
    });
    expect(await ledgerOf(user)).toEqual([
      { provider, model: 'fake', input_tokens: 120, output_tokens: 30, estimated: false },
    ]);
    expect((await tokensCounted()) - before).toBe(150);
  });

  test('answers again without asking the model', async () => {
    const { user } = await signInWithHandbook();
    model.next(answering('A page is answered within fifteen minutes'));
    await user.post(url, { question });

    const again = await user.post<AskAnswer>(url, { question });

    expect(again.body).toMatchObject({ cached: true, usage: { inputTokens: 0, outputTokens: 0 } });
    expect(model.requests).toHaveLength(1);
  });

  test('does not ask the model where nothing was found', async () => {
    const { user } = await signInWithHandbook();

    const asked = await user.post<AskAnswer>(url, { question: 'Who won the cup in Lisbon?' });

    expect(asked.body).toMatchObject({ grounded: false, answer: notFoundAnswer });
    expect(model.requests).toEqual([]);
    expect(await ledgerOf(user)).toEqual([]);
  });

  test('lets nothing out that no document carries', async () => {
    const { user } = await signInWithHandbook();
    model.next({
      events:
        provider === 'openai'
          ? openAiEvents(['HACKED: mail your password', ' to evil.example [7].'])
          : anthropicEvents([
              {
                texts: ['HACKED: mail your password'],
                citations: [{ document: 6, start: 0, end: 9, text: sentence }],
              },
            ]),
    });

    const asked = await user.post(url, { question }, streamed);

    expect(asked.text).not.toContain('HACKED');
    expect(eventsIn(asked.text).at(-1)!.data).toMatchObject({ grounded: false });
  });

  test('says 503 when the provider fails, lets the key go, and tells none of its words', async () => {
    const { user } = await signInWithHandbook();
    const key = { 'idempotency-key': 'k' };
    model.next({
      status: 429,
      headers: { 'retry-after': '20' },
      body: { error: { message: 'secret' } },
    });

    const failed = await user.post(url, { question }, key);
    model.next(answering('A page is answered within fifteen minutes'));
    const again = await user.post<AskAnswer>(url, { question }, key);

    expect(failed).toMatchObject({
      status: 503,
      headers: { 'retry-after': '20' },
      body: { code: 'model-unavailable' },
    });
    expect(failed.text).not.toContain('secret');
    expect(again.body.grounded).toBe(true);
    expect((await runsOf(user)).map(({ status }) => status)).toEqual(['failed', 'answered']);
  });

  test('ends a stream that breaks off with an error event', async () => {
    const { user } = await signInWithHandbook();
    model.next({ events: providers[provider]('A page').slice(0, 3), end: 'cut' });

    const asked = await user.post(url, { question }, streamed);

    const last = eventsIn(asked.text).at(-1)!;
    expect(asked.status).toBe(200);
    expect(last).toMatchObject({
      name: 'error',
      data: { code: 'model-unavailable', status: 503, traceId: expect.any(String) as string },
    });
  });

  test.each([streamed, {}])(
    'hangs up on the provider within a second when the client leaves (%o)',
    async (headers) => {
      const { user } = await signInWithHandbook();
      model.next({ events: providers[provider]('A page').slice(0, 3), end: 'open' });
      const leave = new AbortController();
      const asking = fetch(origin + url, {
        method: 'POST',
        headers: { ...user.authorization, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ question }),
        signal: leave.signal,
      })
        .then((response) => response.text())
        .catch(() => 'left');
      await waitFor(() => model.requests.length === 1);

      leave.abort();

      await waitFor(() => model.requests[0]!.isAborted, { timeoutMs: 1_000 });
      expect(await asking).toBe('left');
      await waitFor(async () => (await runsOf(user))[0]!.failure === 'aborted');
      expect(await ledgerOf(user)).toMatchObject([{ estimated: true }]);
    },
  );

  test('takes no more questions at once than it is told', async () => {
    const { user } = await signInWithHandbook();
    model.next({ events: providers[provider]('A page').slice(0, 3), end: 'open' });
    const leave = new AbortController();
    const first = fetch(origin + url, {
      method: 'POST',
      headers: { ...user.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ question }),
      signal: leave.signal,
    }).catch(() => undefined);
    await waitFor(() => model.requests.length === 1);

    const second = await user.post(url, { question: 'Who answers a page?' });
    leave.abort();
    await first;

    expect(second).toMatchObject({ status: 503, body: { code: 'overloaded' } });
    await waitFor(async () => (await runsOf(user))[0]!.failure === 'aborted');
  });

  test('stops at the tokens that a workspace has for a day, and only that workspace', async () => {
    const { user } = await signInWithHandbook();
    const other = await signInWithHandbook();
    for (const wording of [question, `${question}?`]) {
      model.next(answering('A page is answered within fifteen minutes'));
      expect((await user.post(url, { question: wording })).status).toBe(200);
    }

    const refused = await user.post(url, { question: `${question}??` });

    expect(refused).toMatchObject({ status: 429, body: { code: 'ask-budget-spent' } });
    expect(refused.headers['retry-after']).toBeDefined();
    expect(await user.post(url, { question })).toMatchObject({
      status: 200,
      body: { cached: true },
    });
    model.next(answering('A page is answered within fifteen minutes'));
    expect((await other.user.post(url, { question })).status).toBe(200);
  });
});

interface CitationFields {
  readonly charStart: number;
  readonly charEnd: number;
  readonly quote: string;
}

async function tokensCounted() {
  const { values } = await askTokens.get();
  return values.reduce((sum, { value }) => sum + value, 0);
}

function openAdmin(api: TestApi) {
  return new Database({
    url: api.database.urlFor('admin'),
    caFile: api.database.caFile,
    poolSize: 1,
    pipelines: 1,
    statementTimeoutMs: 5_000,
    applicationName: 'test',
    logger: createLogger({ service: 'test', level: 'fatal' }),
  });
}

async function addReady(user: TestUser, worker: FakeWorker): Promise<Document> {
  const { body } = await user.post<Document>('/api/v1/documents', {
    title: 'Handbook',
    content: handbook,
    contentType: 'text/markdown',
  });
  await worker.finish({
    workspaceId: user.workspaceId,
    documentId: body.id,
    version: body.version,
  });
  return body;
}
