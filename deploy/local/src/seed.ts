import { setTimeout as delay } from 'node:timers/promises';
import type { DemoDocument } from './demo-corpus.js';

export interface DemoUser {
  email: string;
  password: string;
}

const email = 'demo@capstone.local';

/**
 * The user to try things out with, made through the public API like any other, with a few tasks where there are none and
 * with the documents that are missing or have changed. Does not wait until they are searchable. Throws when the API
 * answers with anything unexpected.
 */
export async function seedDemo(
  api: string,
  password: string,
  corpus: readonly DemoDocument[],
): Promise<DemoUser> {
  const demo = { email, password };
  const token = (await login(api, demo)) ?? (await register(api, demo));
  if ((await list(api, '/tasks?limit=1', token)).length === 0) {
    for (const task of tasks) await add(api, '/tasks', task, token);
  }
  await upload(api, corpus, token);
  return demo;
}

/** What a longer list does not show is uploaded again and recognised by its source key. */
async function upload(api: string, corpus: readonly DemoDocument[], token: string): Promise<void> {
  const there = await list(api, '/documents?limit=100', token);
  const bytes = new Map(there.map((document) => [document.sourceKey, document.bytes]));
  const missing = corpus.filter(
    ({ sourceKey, content }) => bytes.get(sourceKey) !== Buffer.byteLength(content),
  );
  await Promise.all(missing.map((document) => add(api, '/documents', document, token)));
}

async function list(api: string, path: string, token: string): Promise<Listed[]> {
  const response = await fetch(`${api}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return ((await expectOk(`GET ${path}`, response)) as { items: Listed[] }).items;
}

interface Listed {
  sourceKey?: string;
  bytes?: number;
}

async function add(api: string, path: string, item: object, token: string): Promise<void> {
  await expectOk(`POST ${path}`, await post(api, path, item, token));
}

async function register(api: string, demo: DemoUser): Promise<string> {
  const response = await post(api, '/auth/register', { ...demo, name: 'Demo' });
  await expectOk('POST /auth/register', response);
  return firstLogin(api, demo);
}

async function firstLogin(api: string, demo: DemoUser): Promise<string> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const token = await login(api, demo);
    if (token) return token;
    await delay(100);
  }
  throw new Error('the demo user was registered but cannot sign in');
}

async function login(api: string, demo: DemoUser): Promise<string | undefined> {
  const response = await post(api, '/auth/login', demo);
  if (response.status === 401) return undefined;
  const body = (await expectOk('POST /auth/login', response)) as { accessToken: string };
  return body.accessToken;
}

function post(api: string, path: string, body: object, token?: string): Promise<Response> {
  return fetch(`${api}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(body),
  });
}

async function expectOk(call: string, response: Response): Promise<unknown> {
  if (response.ok) return response.json();
  throw new Error(`${call} answered ${response.status}: ${await response.text()}`);
}

const tasks = [
  { title: 'Read the tasks slice of the api', priority: 'high', labels: ['learn'] },
  { title: 'Upload a document and search it', status: 'doing', labels: ['learn', 'search'] },
  { title: 'Run the load test and compare', priority: 'low', labels: ['load'] },
];
