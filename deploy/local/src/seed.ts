import { setTimeout as delay } from 'node:timers/promises';

export interface DemoUser {
  email: string;
  password: string;
}

const email = 'demo@capstone.local';

/**
 * The user to try things out with, made through the public API like any other, with a few tasks and documents where
 * there are none. Throws when the API answers with anything unexpected.
 */
export async function seedDemo(api: string, password: string): Promise<DemoUser> {
  const demo = { email, password };
  const token = (await login(api, demo)) ?? (await register(api, demo));
  await fill(api, '/tasks', tasks, token);
  await fill(api, '/documents', documents, token);
  return demo;
}

async function fill(api: string, path: string, items: object[], token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${api}${path}?limit=1`, { headers });
  const page = (await expectOk(`GET ${path}`, response)) as { items: unknown[] };
  if (page.items.length > 0) return;
  for (const item of items) await expectOk(`POST ${path}`, await post(api, path, item, token));
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

const documents = [
  {
    title: 'Handbook: on call',
    contentType: 'text/markdown',
    content: `# On call

## Paging
The person on call answers a page within fifteen minutes. Whoever cannot hands over in the team channel first.

## Restarting the worker
Send the worker a SIGTERM and wait for it to drain. A job that was running is taken up again by the next worker,
so nothing is lost when the process dies instead.

## Rolling back
Roll back first and look for the cause afterwards. Migrations are never undone: a release must run on the schema of
the next one.
`,
  },
  {
    title: 'Handbook: expenses',
    contentType: 'text/markdown',
    content: `# Expenses

## Travel
Book trains up to 400 euro yourself. Anything above, and every flight, needs the approval of your team lead.

## Receipts
Send receipts within thirty days. A lost receipt is replaced by a signed note that names date, amount and purpose.
`,
  },
];
