import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '@capstone/testing/wait-for';
import { TestWorkers } from './worker-app.js';
import type { TestWorkspace } from './workspace.js';

let workers: TestWorkers;
beforeAll(async () => {
  workers = await TestWorkers.prepare();
  await workers.start();
});
afterAll(() => workers.close());

async function request({ workspaceId }: TestWorkspace, expiresIn = '7 days'): Promise<string> {
  const id = uuidv7();
  await workers.admin.unscoped.query(
    'test.insert_export',
    `with e as (
       insert into app.exports (workspace_id, id, requested_by, run, expires_at)
       values ($1, $2, gen_random_uuid(), $2, now() + $3::interval)
     )
     select 1`,
    [workspaceId, id, expiresIn],
  );
  return id;
}

const enqueue = (workspaceId: string, exportId: string) =>
  workers.queues.add('workspace.export', { workspaceId, exportId }, { id: uuidv7() });

async function statusOf(id: string) {
  const [row] = await workers.admin.unscoped.query<{ status: string; lines: number }>(
    'test.export_status',
    'select status, lines from app.exports where id = $1',
    [id],
  );
  return row;
}

async function linesOf(id: string) {
  const parts = await workers.admin.unscoped.query<{ content: string }>(
    'test.export_lines',
    `select p.content from app.export_parts p join app.exports e on e.id = p.export_id and e.run = p.run
      where e.id = $1 order by p.ordinal`,
    [id],
  );
  return parts
    .map(({ content }) => content)
    .join('')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { type: string; data: Record<string, unknown> });
}

const becomesReady = (id: string) =>
  waitFor(async () => (await statusOf(id))?.status === 'ready', { what: 'the export' });

describe('workspace.export', () => {
  test('writes every task and document of the workspace, and of no other', async () => {
    const [own, other] = [workers.newWorkspace(), workers.newWorkspace()];
    for (const [workspace, title] of [
      [own, 'Mine\nwith "quotes"'],
      [other, 'Theirs'],
    ] as const) {
      await workers.admin.unscoped.query(
        'test.export_tasks',
        `insert into app.tasks
           (workspace_id, id, title, description, status, priority, labels, created_by)
         select $1, gen_random_uuid(), $2, '', 'todo', 'normal', '{a}', gen_random_uuid()
           from generate_series(1, 501)`,
        [workspace.workspaceId, title],
      );
    }
    const documentId = await own.submit({ content: 'The quick brown fox.', title: 'Animals' });
    await own.becomes('ready', documentId);
    await other.becomes('ready', await other.submit({ content: 'Their secret.' }));
    const gone = await own.submit({ content: 'Deleted.' });
    await own.becomes('ready', gone);
    await own.markDeleted(gone);
    const id = await request(own);

    await enqueue(own.workspaceId, id);

    await becomesReady(id);
    const lines = await linesOf(id);
    expect(lines.filter(({ type }) => type === 'task')).toHaveLength(501);
    expect(lines[0]!.data).toMatchObject({ title: 'Mine\nwith "quotes"', labels: ['a'] });
    expect(lines.filter(({ type }) => type === 'document')).toMatchObject([
      { data: { id: documentId, title: 'Animals', content: 'The quick brown fox.' } },
    ]);
    expect(await statusOf(id)).toEqual({ status: 'ready', lines: 502 });
  });

  test('a second job changes nothing, and one that nobody asked for writes nothing', async () => {
    const workspace = workers.newWorkspace();
    const id = await request(workspace);
    await enqueue(workspace.workspaceId, id);
    await becomesReady(id);
    const invented = uuidv7();

    await enqueue(workspace.workspaceId, id);
    await enqueue(workspace.workspaceId, invented);
    const last = await request(workspace);
    await enqueue(workspace.workspaceId, last);

    await becomesReady(last);
    expect(await statusOf(id)).toMatchObject({ status: 'ready', lines: 0 });
    expect(await statusOf(invented)).toBe(undefined);
  });

  test('is removed when its time is over', async () => {
    const workspace = workers.newWorkspace();
    const id = await request(workspace, '-1 second');

    await waitFor(async () => (await statusOf(id)) === undefined, { what: 'the clean-up' });
  });
});
