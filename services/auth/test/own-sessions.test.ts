import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp, bearing, claimsOf } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

const source = { address: '192.0.2.7', userAgent: 'a browser' };

const list = async (accessToken: string) =>
  (await t.as.api.sessions.listSessions({}, bearing(accessToken))).sessions;
const idsOf = async (accessToken: string) => (await list(accessToken)).map(({ id }) => id);

describe('ListSessions', () => {
  test('T-12 shows the live sessions of the caller, newest first, and nobody else’s', async () => {
    const person = await t.signUp();
    const first = await t.signIn(person);
    const second = await t.signIn(person);
    await t.signIn();
    await t.logout((await t.signIn(person)).accessToken);

    const sessions = await list(first.accessToken);

    expect(sessions).toMatchObject([
      { id: second.claims.sid, current: false, aal: 1, workspaceId: second.claims.wid },
      { id: first.claims.sid, current: true, workspaceName: 'Personal' },
    ]);
    const [{ lastUsedAt, expiresAt }] = sessions as [(typeof sessions)[0]];
    const idleDays = (Date.parse(expiresAt) - Date.parse(lastUsedAt)) / 86_400_000;
    expect(idleDays).toBeCloseTo(7, 3);
  });

  test('shows from where a session was refreshed last', async () => {
    const { refreshToken } = await t.signIn();
    const { tokens } = await t.as.api.sessions.refresh({ refreshToken, source });

    expect(await list(tokens!.accessToken)).toMatchObject([source]);
  });
});

describe('EndSession', () => {
  test('T-12 ends one session of the caller at once, and no other', async () => {
    const person = await t.signUp();
    const [here, there] = [await t.signIn(person), await t.signIn(person)];

    await t.as.api.sessions.endSession({ sessionId: there.claims.sid }, bearing(here.accessToken));

    await expect(t.me(there.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.refresh(there.refreshToken)).rejects.toMatchObject({
      code: 'refresh-token-invalid',
    });
    expect(await idsOf(here.accessToken)).toEqual([here.claims.sid]);
    expect(await revocationOf(there.claims.sid)).toMatchObject({ kind: 'session' });
  });

  test('T-12 finds no session of others, no unknown one and none twice', async () => {
    const [mine, other] = [await t.signIn(), await t.signIn()];
    const gone = await t.signIn();
    await t.logout(gone.accessToken);

    for (const sessionId of [other.claims.sid, gone.claims.sid, uuidv7()]) {
      await expect(
        t.as.api.sessions.endSession({ sessionId }, bearing(mine.accessToken)),
      ).rejects.toMatchObject({ code: 'session-not-found' });
    }
    await t.me(other.accessToken);
  });
});

describe('EndOtherSessions', () => {
  test('T-12 leaves the one that asks', async () => {
    const person = await t.signUp();
    const here = await t.signIn(person);
    const others = [await t.signIn(person), await t.signIn(person)];
    const stranger = await t.signIn();

    await t.as.api.sessions.endOtherSessions({}, bearing(here.accessToken));

    for (const { accessToken } of others) {
      await expect(t.me(accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    }
    await t.me(stranger.accessToken);
    expect(await idsOf(here.accessToken)).toEqual([here.claims.sid]);
  });
});

describe('a session', () => {
  test('T-12 is over at its idle end, for its access token too', async () => {
    const person = await t.signUp();
    const [idle, other] = [await t.signIn(person), await t.signIn(person)];
    await t.query(
      `update auth.refresh_tokens set expires_at = now() - interval '1 s' where session_id = $1`,
      [idle.claims.sid],
    );

    await expect(t.me(idle.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.refresh(idle.refreshToken)).rejects.toMatchObject({
      code: 'refresh-token-invalid',
    });
    expect(await idsOf(other.accessToken)).toEqual([other.claims.sid]);
  });

  test('T-12 is over at its absolute end, which no access token outlives', async () => {
    const { refreshToken, claims } = await t.signIn();
    await t.query(`update auth.sessions set expires_at = now() + interval '20 s' where id = $1`, [
      claims.sid,
    ]);
    const late = await t.refresh(refreshToken);
    expect(late.expiresInSeconds).toBeLessThanOrEqual(20);
    expect(late.claims.exp - late.claims.iat).toBe(late.expiresInSeconds);

    await t.query(`update auth.sessions set expires_at = now() where id = $1`, [claims.sid]);

    await expect(t.me(late.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.refresh(late.refreshToken)).rejects.toMatchObject({
      code: 'refresh-token-invalid',
    });
  });
});

describe('SwitchWorkspace', () => {
  test('T-13 goes to another workspace with a new session id; the old session is dead', async () => {
    const before = await t.signIn();
    const workspaceId = await workspaceOf(before.email, 'viewer');

    const after = await switchTo(before.accessToken, workspaceId);

    expect(after.workspace).toEqual({ id: workspaceId, name: 'Shared', role: 'viewer' });
    expect(after.claims).toMatchObject({ wid: workspaceId, role: 'viewer', aal: 1 });
    expect(after.claims.sid).not.toBe(before.claims.sid);
    expect(after.claims.auth_time).toBe(before.claims.auth_time);
    await expect(t.me(before.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.refresh(before.refreshToken)).rejects.toMatchObject({
      code: 'refresh-token-invalid',
    });
    expect((await t.refresh(after.refreshToken)).claims.wid).toBe(workspaceId);
    expect(await revocationOf(before.claims.sid)).toMatchObject({ kind: 'session' });
  });

  test('T-08 does not lengthen the session', async () => {
    const before = await t.signIn();
    await t.query(`update auth.sessions set expires_at = now() + interval '90 s' where id = $1`, [
      before.claims.sid,
    ]);

    const after = await switchTo(before.accessToken, before.claims.wid);

    expect(after.expiresInSeconds).toBeLessThanOrEqual(90);
  });

  test('answers a workspace of others like one that does not exist, and ends nothing', async () => {
    const mine = await t.signIn();
    const others = (await t.signIn()).claims.wid;

    for (const workspaceId of [others, uuidv7()]) {
      await expect(switchTo(mine.accessToken, workspaceId)).rejects.toMatchObject({
        code: 'workspace-not-found',
      });
    }
    await t.me(mine.accessToken);
  });

  test('of one session several times at once gives one successor', async () => {
    const { accessToken, email } = await t.signIn();
    const workspaceId = await workspaceOf(email, 'member');

    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => switchTo(accessToken, workspaceId)),
    );

    const won = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.code).toBe('token-invalid');
    }
  });
});

async function switchTo(accessToken: string, workspaceId: string) {
  const { tokens } = await t.as.api.sessions.switchWorkspace(
    { workspaceId, source },
    bearing(accessToken),
  );
  return { ...tokens!, claims: claimsOf(tokens!.accessToken) };
}

async function workspaceOf(email: string, role: string): Promise<string> {
  const id = uuidv7();
  await t.query(
    `with shared as (insert into auth.workspaces (id, name) values ($1, 'Shared') returning id)
     insert into auth.memberships (workspace_id, user_id, role)
     select shared.id, users.id, $3 from shared, auth.users where users.email = $2`,
    [id, email, role],
  );
  return id;
}

async function revocationOf(id: string) {
  const [row] = await t.query('select kind from auth.revocations where id = $1', [id]);
  return row;
}
