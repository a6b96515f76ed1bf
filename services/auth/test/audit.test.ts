import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AuditFacts } from '@capstone/contracts/audit';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { waitFor } from '@capstone/testing/wait-for';
import { AuthApp, bearing, somebody } from './auth-app.js';

const directory = mkdtempSync(join(tmpdir(), 'capstone-audit-'));
const checkpointFile = join(directory, 'kept', 'checkpoints.jsonl');

let t: AuthApp;
let asService: Database;
beforeAll(async () => {
  t = await AuthApp.start({
    AUTH_AUDIT_CHECKPOINT_FILE: checkpointFile,
    AUTH_AUDIT_CHECKPOINT_SECONDS: '1',
  });
  asService = new Database({
    url: t.database.urlFor('auth'),
    caFile: t.database.caFile,
    poolSize: 1,
    pipelines: 1,
    statementTimeoutMs: 5_000,
    applicationName: 'test',
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
});
afterAll(async () => {
  await asService.close();
  await t.stop();
  rmSync(directory, { recursive: true });
});

type SignedIn = Awaited<ReturnType<AuthApp['signIn']>>;

async function eventsOf(by: SignedIn, workspaceId = by.claims.wid) {
  const { events } = await t.as.api.audit.listAuditEvents(
    { workspaceId, limit: 100 },
    bearing(by.accessToken),
  );
  return events.map(({ factsJson, ...event }) => ({
    ...event,
    ...AuditFacts.parse(JSON.parse(factsJson)),
  }));
}

const actionsOf = async (by: SignedIn) => (await eventsOf(by)).map(({ action }) => action);

/** What somebody does who has the whole database. */
async function tamper(...statements: [string, unknown[]][]) {
  const tables = ['audit_events', 'audit_checkpoints'];
  for (const table of tables) await t.query(`alter table auth.${table} disable trigger all`);
  for (const [text, values] of statements) await t.query(text, values);
  for (const table of tables) await t.query(`alter table auth.${table} enable trigger all`);
}
const verify = (...words: string[]) => t.command('audit', 'verify', ...words);

async function signedUpTo(chain: string, seq: number) {
  await waitFor(
    async () =>
      (
        await t.query('select from auth.audit_checkpoints where chain_id = $1 and seq = $2', [
          chain,
          seq,
        ])
      ).length === 1,
    { timeoutMs: 15_000, what: 'the checkpoint' },
  );
}

/** As a careful thief does it: head and hash fit together again. */
async function cut(chain: string, after: number) {
  await tamper(
    ['delete from auth.audit_events where chain_id = $1 and seq > $2', [chain, after]],
    [
      `update auth.audit_chains as c set seq = e.seq, hash = e.hash
         from auth.audit_events as e
        where c.chain_id = $1 and e.chain_id = c.chain_id and e.seq = $2`,
      [chain, after],
    ],
  );
}

describe('what people do', () => {
  test('L-01 is written down with who, what, where and the outcome, newest first', async () => {
    const person = await t.signUp();
    const source = { address: '192.0.2.9', userAgent: 'a browser' };
    const { tokens } = await t.as.api.accounts.login({ ...person, source });
    const ada = { ...(await t.signIn(person)), ...tokens! };
    const { workspace } = await t.as.api.workspaces.createWorkspace(
      { name: 'Engines' },
      bearing(ada.accessToken),
    );

    expect(await eventsOf(ada, workspace!.id)).toMatchObject([
      { action: 'audit.read', seq: 2 },
      { action: 'workspace.created', seq: 1, outcome: 'allow', actorId: ada.claims.sub },
    ]);
    const personal = await eventsOf(ada);
    expect(personal.map(({ action }) => action)).toEqual([
      'audit.read',
      'session.started',
      'session.started',
      'account.registered',
    ]);
    expect(personal[2]).toMatchObject({
      actorId: ada.claims.sub,
      ...source,
      detail: { aal: 1 },
    });
  });

  test('L-01 of an administrator names the one it was done to', async () => {
    const owner = await t.signIn();
    const guest = await t.signIn();
    const workspaceId = owner.claims.wid;
    const by = bearing(owner.accessToken);
    const of = { workspaceId, userId: guest.claims.sub };
    await t.as.api.invitations.createInvitation(
      { workspaceId, email: guest.email, role: 'member' },
      by,
    );
    const { token } = (await t.mailsTo(guest.email)).at(-1)!;
    await t.as.api.invitations.acceptInvitation({ token: token! }, bearing(guest.accessToken));
    await t.as.api.workspaces.changeRole({ ...of, role: 'viewer' }, by);
    await t.as.api.workspaces.removeMember(of, by);
    await t.as.api.apiKeys.createApiKey(
      { name: 'x', scopes: ['tasks:read'], expiresInDays: 1 },
      by,
    );

    const events = await eventsOf(owner);
    expect(events.slice(1, 6)).toMatchObject([
      { action: 'api-key.created', target: { type: 'api-key' }, detail: { scopes: 'tasks:read' } },
      { action: 'member.removed', target: { id: guest.claims.sub }, detail: { role: 'viewer' } },
      { action: 'member.role-changed', detail: { from: 'member', to: 'viewer' } },
      { action: 'member.joined', actorId: guest.claims.sub },
      { action: 'invitation.created', actorId: owner.claims.sub },
    ]);
    expect(JSON.stringify(events)).not.toContain(token);
    expect(JSON.stringify(events)).not.toContain(guest.email);
  });

  test('T-06 L-01 includes the reuse of a refresh token, once', async () => {
    const person = await t.signUp();
    const first = await t.signIn(person);
    await t.refresh(first.refreshToken);
    await t.query(
      `update auth.refresh_tokens set consumed_at = consumed_at - interval '11 s'
        where session_id = $1 and consumed_at is not null`,
      [first.claims.sid],
    );
    await t.refresh(first.refreshToken).catch(() => undefined);
    await t.refresh(first.refreshToken).catch(() => undefined);

    const actions = await actionsOf(await t.signIn(person));

    expect(actions.filter((action) => action === 'refresh-token.reused')).toHaveLength(1);
  });
});

describe('what is refused', () => {
  test('L-01 is written down: a wrong password, a missing permission, what api refuses', async () => {
    const owner = await t.signIn();
    const person = await t.signUp();
    await t.query(
      `insert into auth.memberships (workspace_id, user_id, role)
       select $1, id, 'viewer' from auth.users where email = $2`,
      [owner.claims.wid, person.email],
    );
    const viewer = await t.signIn(person, owner.claims.wid);
    const { sub: userId, wid: workspaceId } = viewer.claims;
    await t.signIn({ ...person, password: 'not the password' }).catch(() => undefined);
    await t.as.api.workspaces
      .renameWorkspace({ workspaceId, name: 'Mine' }, bearing(viewer.accessToken))
      .catch(() => undefined);
    await t.as.api.audit.recordDenials({
      denials: [
        {
          workspaceId,
          userId,
          permission: 'tasks:write',
          route: 'POST /api/v1/tasks',
          address: '192.0.2.1',
          count: 3,
        },
      ],
    });

    expect((await eventsOf(owner)).slice(1, 3)).toMatchObject([
      { action: 'access.denied', outcome: 'deny', actorId: userId, detail: { count: 3 } },
      { action: 'access.denied', outcome: 'deny', actorId: userId, reason: 'workspace:write' },
    ]);
    const [refused] = await t.query<{ events: number }>(
      `select count(*)::int as events from auth.audit_events
        where action = 'sign-in.refused' and outcome = 'deny'`,
    );
    expect(refused!.events).toBe(1);
    await expect(eventsOf(viewer)).rejects.toMatchObject({ code: 'permission-denied' });
  });

  test('leaves no event of what it undid', async () => {
    const owner = await t.signIn();
    const before = await actionsOf(owner);

    await t.as.api.workspaces
      .removeMember(
        { workspaceId: owner.claims.wid, userId: owner.claims.sub },
        bearing(owner.accessToken),
      )
      .catch(() => undefined);

    expect(await actionsOf(owner)).toEqual(['audit.read', ...before]);
  });
});

describe('the service', () => {
  test.each([
    ['read', 'select seq from auth.audit_events'],
    ['change', `update auth.audit_events set action = 'a.b'`],
    ['remove', 'delete from auth.audit_events'],
    ['empty', 'truncate auth.audit_events'],
    ['set back the head of', 'update auth.audit_chains set seq = 0'],
    ['remove checkpoints of', 'delete from auth.audit_checkpoints'],
  ])('L-02 may not %s the events', async (what, statement) => {
    await expect(asService.unscoped.query(`audit ${what}`, statement)).rejects.toThrow(/42501/);
  });

  test('L-02 may read in the current workspace only', async () => {
    const [mine, other] = [await t.signIn(), await t.signIn()];
    const seen = await asService
      .read({ workspaceId: mine.claims.wid })
      .query<{ id: string }>('list_mine', 'select id from auth.list_audit(100, 100)');
    const others = await t.query<{ id: string }>(
      'select id from auth.audit_events where chain_id = $1',
      [other.claims.wid],
    );

    expect(seen.length).toBeGreaterThan(0);
    expect(seen.map(({ id }) => id)).not.toEqual(
      expect.arrayContaining([others.map(({ id }) => id)[0]]),
    );
    expect(
      await asService.unscoped.query('list_none', 'select id from auth.list_audit(100, 100)'),
    ).toEqual([]);
  });

  test('L-02 is not alone: the owner of the tables cannot change an event either', async () => {
    await t.signIn();

    await expect(t.query('update auth.audit_events set seq = seq')).rejects.toThrow(/42501/);
    await expect(t.query('delete from auth.audit_events')).rejects.toThrow(/42501/);
    await expect(t.query('truncate auth.audit_events')).rejects.toThrow(/42501/);
  });

  test('appends in order, without gaps, from many calls at once', async () => {
    const ada = await t.signIn();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        t.as.api.workspaces.renameWorkspace(
          { workspaceId: ada.claims.wid, name: `Number ${index}` },
          bearing(ada.accessToken),
        ),
      ),
    );

    const places = (await eventsOf(ada)).map(({ seq }) => seq);
    expect(places).toEqual(places.map((_, index) => places.length - index));
    expect(await t.command('audit', 'verify')).toMatchObject({ exitCode: 0 });
  });
});

describe('audit verify', () => {
  const mended: string[] = [];
  afterEach(async () => {
    // A chain that was spoiled would spoil the next test.
    for (const chain of mended.splice(0)) {
      await tamper(
        ['delete from auth.audit_checkpoints where chain_id = $1', [chain]],
        ['delete from auth.audit_events where chain_id = $1', [chain]],
        ['delete from auth.audit_chains where chain_id = $1', [chain]],
      );
    }
  });

  async function chainOf(length: number) {
    const ada = await t.signIn();
    for (let at = 0; at < length; at += 1) {
      await t.as.api.workspaces.renameWorkspace(
        { workspaceId: ada.claims.wid, name: `Number ${at}` },
        bearing(ada.accessToken),
      );
    }
    mended.push(ada.claims.wid);
    return ada.claims.wid;
  }

  test('L-02 finds all chains whole', async () => {
    await chainOf(3);

    const { exitCode, lines } = await verify();

    expect(exitCode).toBe(0);
    expect(lines.at(-1)).toMatch(/chains, \d+ events, \d+ checkpoints: whole$/);
  });

  test.each([
    ['an event that was changed', `update auth.audit_events set outcome = 'deny'`, 'was changed'],
    [
      'an event whose facts were replaced',
      `update auth.audit_events set sealed_facts = '\\x00'`,
      'was changed',
    ],
    ['an event that is missing', 'delete from auth.audit_events', 'is missing'],
  ])('L-02 names %s', async (_what, statement, says) => {
    const chain = await chainOf(4);
    await tamper([`${statement} where chain_id = $1 and seq = 3`, [chain]]);

    const { exitCode, lines } = await verify();

    expect(exitCode).toBe(1);
    expect(lines[0]).toBe(`${chain}  event 3  the event ${says}`);
  });

  test('L-02 names where a cut tail began, although the chain itself looks whole', async () => {
    const chain = await chainOf(4);
    await signedUpTo(chain, 6);
    await cut(chain, 4);

    const { lines } = await verify();

    expect(lines[0]).toBe(`${chain}  event 5  the events up to 6 were cut off`);
  });

  test('L-02 finds a cut tail by the checkpoints kept elsewhere when those inside were cut, too', async () => {
    const chain = await chainOf(4);
    await signedUpTo(chain, 6);
    await cut(chain, 4);
    await tamper(['delete from auth.audit_checkpoints where chain_id = $1', [chain]]);

    expect((await verify()).exitCode).toBe(0);
    const { exitCode, lines } = await verify(checkpointFile);
    expect(exitCode).toBe(1);
    expect(lines[0]).toBe(`${chain}  event 5  the events up to 6 were cut off`);
    const forged = join(directory, 'forged.jsonl');
    const zeros = '00'.repeat(32);
    const line = { chainId: chain, seq: 9, hash: zeros, signedAtMs: 1, signature: zeros.repeat(2) };
    writeFileSync(forged, JSON.stringify(line));
    expect((await verify(forged)).lines[0]).toBe(
      `${chain}  event 9  a checkpoint is not signed by us`,
    );
  });
});

describe('who reads the whole database', () => {
  test('finds no person and no address in the events', async () => {
    const person = somebody();
    await t.as.api.accounts.register({ ...person, source: undefined });
    const source = { address: '203.0.113.77', userAgent: 'unmistakable browser' };
    const { tokens } = await t.as.api.accounts.login({ ...person, source });
    const me = await t.me(tokens!.accessToken);

    const rows = await t.query<{ row: string }>('select e::text as row from auth.audit_events e');
    const seen = rows.map(({ row }) => row).join('\n');

    for (const fact of [me.userId, source.address, source.userAgent, person.email]) {
      expect(seen).not.toContain(fact);
      expect(seen).not.toContain(Buffer.from(fact).toString('hex'));
    }
  });
});
