import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Document } from '@capstone/contracts/documents';
import { Task } from '@capstone/contracts/tasks';
import type { ApiClient } from './api-client.js';
import { inParallel } from './in-parallel.js';
import type { Manifest, SeededWorkspace } from './manifest.js';
import { OperatorError } from './operator-error.js';
import { seededRandom } from './plan.js';
import { Progress } from './progress.js';
import { labels, markdown, paragraph, sentence, topics } from './prose.js';
import { logIn } from './sessions.js';

export interface SeedSize {
  readonly workspaces: number;
  /** In all workspaces together. */
  readonly tasks: number;
  readonly chunks: number;
}

const tasksAtOnce = 32;
const documentsAtOnce = 8;
const sectionsPerDocument = 10;
const stalledAfterMs = 120_000;

/**
 * Brings the target up to the wanted size through its public API. What the manifest says is there, and is, is kept.
 * Throws OperatorError when the target refuses or the worker stands still.
 */
export async function seed(
  api: ApiClient,
  manifest: Manifest,
  size: SeedSize,
  givenToken: string | undefined,
): Promise<readonly SeededWorkspace[]> {
  while (manifest.workspaces.length < size.workspaces) manifest.addWorkspace();
  const workspaces = manifest.workspaces.slice(0, size.workspaces);
  const tasksEach = Math.ceil(size.tasks / size.workspaces);
  const chunksEach = Math.ceil(size.chunks / size.workspaces);
  try {
    for (const [index, workspace] of workspaces.entries()) {
      const name = `workspace ${index + 1} of ${size.workspaces}`;
      const place = new Place(api, workspace, givenToken);
      await place.enter();
      await place.addTasks(tasksEach, name);
      await manifest.save();
      await place.addDocuments(chunksEach, name);
      await manifest.save();
    }
  } finally {
    await manifest.save();
  }
  return workspaces;
}

/** One workspace while it is being filled. */
class Place {
  private token = '';
  private tokenUntilMs = 0;

  constructor(
    private readonly api: ApiClient,
    private readonly workspace: SeededWorkspace,
    private readonly givenToken: string | undefined,
  ) {}

  /** Registers the user if need be, and forgets what is no longer there: the target may have begun afresh. */
  async enter(): Promise<void> {
    if (this.givenToken === undefined) {
      await this.register();
      await this.freshToken();
    }
    const { taskIds, documents } = this.workspace;
    if (!(await this.hasAll('tasks', taskIds))) this.workspace.taskIds = [];
    const documentIds = documents.map(({ id }) => id);
    if (!(await this.hasAll('documents', documentIds))) this.workspace.documents = [];
  }

  async addTasks(wanted: number, name: string): Promise<void> {
    const { taskIds } = this.workspace;
    const before = taskIds.length;
    if (before >= wanted) return;
    const progress = new Progress(`${name}, tasks`);
    const random = seededRandom(before);
    await inParallel(wanted - before, tasksAtOnce, async () => {
      const body = makeTask(random);
      const { json } = await this.send([201], 'POST', '/tasks', body);
      taskIds.push(Task.parse(json).id);
      progress.update(taskIds.length - before, wanted - before);
    });
  }

  /** How long a chunk gets is the target's affair, so this goes by what it reports and tops up. */
  async addDocuments(wantedChunks: number, name: string): Promise<void> {
    for (let round = 0; this.chunks() < wantedChunks; round++) {
      if (round === 5) throw new OperatorError(`${name}: documents yield no chunks.`);
      const { documents } = this.workspace;
      const perDocument =
        documents.length > 0 ? this.chunks() / documents.length : sectionsPerDocument;
      const missing = Math.ceil((wantedChunks - this.chunks()) / Math.max(1, perDocument));
      await this.upload(missing, name);
    }
  }

  private async upload(count: number, name: string): Promise<void> {
    const pending: string[] = [];
    const random = seededRandom(this.workspace.documents.length + 1);
    await inParallel(count, documentsAtOnce, async () => {
      const title = sentence(random, 5);
      const body = {
        title,
        content: markdown(random, title, sectionsPerDocument),
        contentType: 'text/markdown',
        sourceKey: `load/${randomUUID()}`,
        metadata: { topic: pick(topics, random), year: 2020 + Math.floor(random() * 7) },
      };
      const { json } = await this.send([202], 'POST', '/documents', body);
      pending.push(Document.parse(json).id);
    });
    await this.untilReady(pending, new Progress(`${name}, documents ready`));
  }

  private async untilReady(ids: readonly string[], progress: Progress): Promise<void> {
    let waiting = [...ids];
    let movedAtMs = performance.now();
    while (waiting.length > 0) {
      const id = waiting[0]!;
      const { json } = await this.send([200], 'GET', `/documents/${id}`);
      const { status, counts, error } = Document.parse(json);
      if (status === 'failed' || status === 'cancelled') {
        throw new OperatorError(
          `Document ${id} is ${status}: ${error?.detail ?? 'no reason given'}`,
        );
      }
      if (status === 'ready') {
        this.workspace.documents.push({ id, chunks: counts.chunks });
        waiting = waiting.slice(1);
        movedAtMs = performance.now();
        progress.update(ids.length - waiting.length, ids.length);
      } else if (performance.now() - movedAtMs > stalledAfterMs) {
        throw new OperatorError(
          `Document ${id} is ${status} for two minutes: is the worker running?`,
        );
      } else {
        await delay(200);
      }
    }
  }

  private chunks(): number {
    return this.workspace.documents.reduce((sum, document) => sum + document.chunks, 0);
  }

  /** Logging in tells whether the user exists; registering answers the same either way. */
  private async register(): Promise<void> {
    const { account } = this.workspace;
    const login = await this.api.send('POST', '/auth/login', { body: account });
    if (login.status === 200) return;
    await this.api.need([202], 'POST', '/auth/register', {
      body: { ...account, name: 'Load test' },
    });
    this.workspace.taskIds = [];
    this.workspace.documents = [];
  }

  /** The first and the last stand for all. */
  private async hasAll(kind: 'tasks' | 'documents', ids: readonly string[]): Promise<boolean> {
    for (const id of ids.length > 0 ? [ids[0]!, ids.at(-1)!] : []) {
      const { status } = await this.send([200, 404], 'GET', `/${kind}/${id}`);
      if (status === 404) return false;
    }
    return true;
  }

  private async send(expected: readonly number[], method: string, path: string, body?: object) {
    const token = this.givenToken ?? (await this.freshToken());
    return this.api.need(expected, method, path, { token, body });
  }

  private async freshToken(): Promise<string> {
    if (performance.now() > this.tokenUntilMs) {
      this.tokenUntilMs = Number.POSITIVE_INFINITY;
      const { accessToken, expiresIn } = await logIn(this.api, this.workspace.account);
      this.token = accessToken;
      this.tokenUntilMs = performance.now() + expiresIn * 500;
    }
    return this.token;
  }
}

const dayMs = 86_400_000;

function makeTask(random: () => number) {
  const due = new Date(Date.now() + Math.floor((random() * 120 - 30) * dayMs));
  return {
    title: sentence(random, 4 + Math.floor(random() * 6)),
    description: `${pick(topics, random)}. ${paragraph(random, 1 + Math.floor(random() * 3))}`,
    status: pick(['todo', 'todo', 'doing', 'done', 'done', 'done'], random),
    priority: pick(['low', 'normal', 'normal', 'normal', 'high', 'urgent'], random),
    labels: [...new Set([pick(labels, random), pick(labels, random)])],
    dueAt: random() < 0.6 ? due.toISOString() : null,
  };
}

function pick<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)]!;
}
