import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '@capstone/platform/log';
import { JobQueues } from '@capstone/platform/queue';
import { waitFor } from '@capstone/testing/wait-for';
import { AuthApp, bearing } from './auth-app.js';

let t: AuthApp;
let queues: JobQueues;
beforeAll(async () => {
  t = await AuthApp.start();
  queues = new JobQueues({
    url: t.redis.queueUrl('worker'),
    caFile: t.redis.caFile,
    keyPrefix: t.redis.prefix,
    name: 'test',
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
});
afterAll(async () => {
  await queues.close();
  await t.stop();
});

async function deletedWorkspace() {
  const owner = await t.signIn();
  const { workspace } = await t.as.api.workspaces.createWorkspace(
    { name: 'Engines' },
    bearing(owner.accessToken),
  );
  const workspaceId = workspace!.id;
  await t.as.api.invitations.createInvitation(
    { workspaceId, email: 'guest@example.com', role: 'viewer' },
    bearing(owner.accessToken),
  );
  await t.as.api.workspaces.deleteWorkspace({ workspaceId }, bearing(owner.accessToken));
  return { owner, workspaceId };
}

async function endGrace(workspaceId: string) {
  await t.query(`update auth.workspaces set deletion_due_at = now() where id = $1`, [workspaceId]);
}

const isDue = async (workspaceId: string) =>
  (await t.as.worker.deletions.getDeletion({ workspaceId })).due;
const waiting = async () => (await queues.counts()).workspaces?.waiting ?? 0;

describe('the deletion of a workspace', () => {
  test('becomes a job when the time to restore is over, and not before', async () => {
    const { workspaceId } = await deletedWorkspace();
    expect(await isDue(workspaceId)).toBe(false);
    await t.as.worker.deletions.completeDeletion({ workspaceId });
    expect(await rowsOf(workspaceId)).toMatchObject({ workspaces: 1 });
    const before = await waiting();

    await endGrace(workspaceId);

    expect(await isDue(workspaceId)).toBe(true);
    await waitFor(async () => (await waiting()) === before + 1, { what: 'the job' });
    const [queued] = await t.query<{ queued: boolean }>(
      'select deletion_queued_at is not null as queued from auth.workspaces where id = $1',
      [workspaceId],
    );
    expect(queued).toEqual({ queued: true });
  });

  test('removes members, invitations and the workspace, and leaves an audit that names nobody', async () => {
    const { owner, workspaceId } = await deletedWorkspace();
    await endGrace(workspaceId);

    await t.as.worker.deletions.completeDeletion({ workspaceId });
    await t.as.worker.deletions.completeDeletion({ workspaceId });

    expect(await rowsOf(workspaceId)).toEqual({ workspaces: 0, memberships: 0, invitations: 0 });
    const [chain] = await t.query<{ shredded: boolean; events: number }>(
      `select sealed_key is null as shredded, seq::int as events
         from auth.audit_chains where chain_id = $1`,
      [workspaceId],
    );
    expect(chain).toEqual({ shredded: true, events: 4 });
    expect(await t.command('audit', 'verify')).toMatchObject({ exitCode: 0 });
    await t.me(owner.accessToken);
    expect(await isDue(workspaceId)).toBe(false);
  });

  test('cannot be taken back when its time has come', async () => {
    const { owner, workspaceId } = await deletedWorkspace();
    await endGrace(workspaceId);

    await expect(
      t.as.api.workspaces.restoreWorkspace({ workspaceId }, bearing(owner.accessToken)),
    ).rejects.toMatchObject({ code: 'workspace-not-found' });
  });

  test('is for the worker to complete, and for nobody else', async () => {
    await expect(
      t.as.api.deletions.completeDeletion({ workspaceId: uuidv7() }),
    ).rejects.toMatchObject({ code: 'peer-denied' });
  });
});

async function rowsOf(workspaceId: string) {
  const [rows] = await t.query(
    `select (select count(*)::int from auth.workspaces where id = $1) as workspaces,
            (select count(*)::int from auth.memberships where workspace_id = $1) as memberships,
            (select count(*)::int from auth.invitations where workspace_id = $1) as invitations`,
    [workspaceId],
  );
  return rows;
}
