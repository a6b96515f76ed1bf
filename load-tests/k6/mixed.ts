import { mix, type MixedRoute } from '../src/plan.ts';
import { labels, markdown, searchText, sentence, topics } from '../src/prose.ts';
import { job } from './job.ts';
import { call } from './request.ts';
import { anyDocumentId, anyTaskId } from './seeded.ts';
import { anySession } from './session.ts';

interface Turn {
  readonly route: MixedRoute;
  readonly token: string;
  readonly workspace: number;
}

/** What this virtual user remembers of earlier answers, by workspace. */
interface Memory {
  seen?: { path: string; etag: string };
  nextPage?: string;
  readonly created: string[];
}
const memories: Memory[] = job.workspaces.map(() => ({ created: [] }));
const maxRemembered = 20;
const shares = Object.entries(mix) as [MixedRoute, number][];

const requests: Record<MixedRoute, (turn: Turn) => void> = {
  'GET /tasks/{id}': readTask,
  'GET /tasks/{id} (unchanged)': revalidateTask,
  'GET /tasks': listTasks,
  'GET /tasks (next page)': listNextPage,
  'POST /tasks': createTask,
  'PATCH /tasks/{id}': patchTask,
  'DELETE /tasks/{id}': deleteTask,
  'GET /documents': (turn) => get(turn, '/documents?limit=20&status=ready'),
  'GET /documents/{id}': (turn) => get(turn, `/documents/${anyDocumentId(turn.workspace)}`),
  'POST /search': search,
  'POST /documents': uploadDocument,
};

/** One iteration is one request, so that the arrival rate is the request rate. */
export function requestOfTheMix(): void {
  const route = drawRoute(Math.random() * 100);
  requests[route]({ route, ...anySession() });
}

function drawRoute(at: number): MixedRoute {
  let end = 0;
  for (const [route, share] of shares) {
    end += share;
    if (at < end) return route;
  }
  return 'GET /tasks/{id}';
}

function get(turn: Turn, path: string, keepBody = false) {
  return call({ ...turn, method: 'GET', path, expected: [200], keepBody });
}

function readTask(turn: Turn): void {
  const path = `/tasks/${anyTaskId(turn.workspace)}`;
  const { status, headers } = get(turn, path);
  const etag = headers.Etag;
  if (status === 200 && etag !== undefined) memories[turn.workspace]!.seen = { path, etag };
}

/** Somebody may have changed the task meanwhile: then it is 200. */
function revalidateTask(turn: Turn): void {
  const { seen } = memories[turn.workspace]!;
  if (!seen) return readTask({ ...turn, route: 'GET /tasks/{id}' });
  const headers = { 'If-None-Match': seen.etag };
  call({ ...turn, method: 'GET', path: seen.path, headers, expected: [200, 304] });
}

/** The lists that people look at: what is open, what is urgent, what is due, a label; one in fifty searches the texts. */
function listTasks(turn: Turn): void {
  const draw = Math.random();
  if (draw < 0.35) return listRemembering(turn, '/tasks?status=todo');
  if (draw < 0.55) return void get(turn, '/tasks');
  if (draw < 0.7) return void get(turn, '/tasks?status=doing&sort=-priority');
  if (draw < 0.85) return void get(turn, '/tasks?status=todo&sort=dueAt');
  if (draw < 0.98) return void get(turn, `/tasks?label=${oneOf(labels)}&priority=high`);
  get(turn, `/tasks?q=${oneOf(topics)}`);
}

/** Only now and then is the body read for its cursor; reading all would cost the generator more than sending. */
function listRemembering(turn: Turn, path: string): void {
  const memory = memories[turn.workspace]!;
  const wanted = memory.nextPage === undefined || Math.random() < 0.1;
  const response = get(turn, path, wanted);
  if (!wanted || response.status !== 200) return;
  const { nextCursor } = JSON.parse(response.body as string) as { nextCursor: string | null };
  if (nextCursor !== null) memory.nextPage = `${path}&cursor=${encodeURIComponent(nextCursor)}`;
}

function listNextPage(turn: Turn): void {
  const { nextPage } = memories[turn.workspace]!;
  if (nextPage === undefined)
    return listRemembering({ ...turn, route: 'GET /tasks' }, '/tasks?status=todo');
  get(turn, nextPage);
}

function createTask(turn: Turn): void {
  const body = {
    title: sentence(Math.random, 6),
    description: `${oneOf(topics)}: ${sentence(Math.random, 20)}`,
    priority: oneOf(['low', 'normal', 'high', 'urgent']),
    labels: [oneOf(labels)],
  };
  const { status, headers } = call({
    ...turn,
    method: 'POST',
    path: '/tasks',
    body,
    expected: [201],
    headers: idempotent(),
  });
  const id = headers.Location?.split('/').at(-1);
  const { created } = memories[turn.workspace]!;
  if (status === 201 && id !== undefined && created.length < maxRemembered) created.push(id);
}

function patchTask(turn: Turn): void {
  const path = `/tasks/${anyTaskId(turn.workspace)}`;
  const body = { status: oneOf(['todo', 'doing', 'done']), priority: oneOf(['normal', 'high']) };
  call({ ...turn, method: 'PATCH', path, body, expected: [200] });
}

/** Only its own, so that the seeded tasks stay. */
function deleteTask(turn: Turn): void {
  const id = memories[turn.workspace]!.created.pop();
  if (id === undefined) return createTask({ ...turn, route: 'POST /tasks' });
  call({ ...turn, method: 'DELETE', path: `/tasks/${id}`, expected: [204] });
}

function search(turn: Turn): void {
  const body = { query: searchText(Math.random), mode: 'hybrid', limit: 10 };
  call({ ...turn, method: 'POST', path: '/search', body, expected: [200] });
}

function uploadDocument(turn: Turn): void {
  const title = `${job.runId} ${sentence(Math.random, 4)}`;
  const body = { title, content: markdown(Math.random, title, 1), contentType: 'text/markdown' };
  call({
    ...turn,
    method: 'POST',
    path: '/documents',
    body,
    expected: [202],
    headers: idempotent(),
  });
}

/** A client that wants to be able to try again sends one; so does the load. */
function idempotent(): Record<string, string> {
  return {
    'Idempotency-Key': `${job.runId}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`,
  };
}

function oneOf<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)]!;
}
