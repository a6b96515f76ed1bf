import { setTimeout as delay } from 'node:timers/promises';

export interface DemoUser {
  email: string;
  password: string;
}

const email = 'demo@capstone.local';

/**
 * The user to try things out with, made through the public API like any other. A new one gets a few tasks and
 * documents. Throws when the API answers with anything unexpected.
 */
export async function seedDemo(api: string, password: string): Promise<DemoUser> {
  const demo = { email, password };
  if (await login(api, demo)) return demo;

  await post(api, '/auth/register', { ...demo, name: 'Demo' });
  const token = await firstLogin(api, demo);
  for (const task of tasks) await post(api, '/tasks', task, token);
  for (const document of documents) await post(api, '/documents', document, token);
  return demo;
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
  const response = await send(api, '/auth/login', demo);
  if (response.status === 401) return undefined;
  const body = await expectOk('/auth/login', response);
  return (body as { accessToken: string }).accessToken;
}

async function post(api: string, path: string, body: object, token?: string): Promise<void> {
  await expectOk(path, await send(api, path, body, token));
}

function send(api: string, path: string, body: object, token?: string): Promise<Response> {
  return fetch(`${api}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(body),
  });
}

async function expectOk(path: string, response: Response): Promise<unknown> {
  if (response.ok) return response.json();
  throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
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
