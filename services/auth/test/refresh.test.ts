import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

describe('Refresh', () => {
  test('T-05 T-08 replaces the refresh token and keeps session, workspace and time of sign-in', async () => {
    const first = await t.signIn();
    const second = await t.refresh(first.refreshToken);

    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(second.claims.jti).not.toBe(first.claims.jti);
    const { sid, wid, sub, role, scope, aal, auth_time } = first.claims;
    expect(second.claims).toMatchObject({ sid, wid, sub, role, scope, aal, auth_time });
    expect(await t.me(second.accessToken)).toMatchObject({ userId: sub });
  });

  test('T-07 gives the same successor again within the replay window', async () => {
    const first = await t.signIn();
    const second = await t.refresh(first.refreshToken);

    expect((await t.refresh(first.refreshToken)).refreshToken).toBe(second.refreshToken);
    const third = await t.refresh(second.refreshToken);
    expect((await t.refresh(first.refreshToken)).refreshToken).toBe(second.refreshToken);
    expect((await t.refresh(second.refreshToken)).refreshToken).toBe(third.refreshToken);
  });

  test('T-07 at another process, after the first one died between consumption and answer, gives the same successor', async () => {
    const { refreshToken } = await t.signIn();
    const lost = await t.refresh(refreshToken);
    const survivor = await t.startAnother();

    const { tokens } = await survivor.sessions.refresh({ refreshToken, source: undefined });

    expect(tokens!.refreshToken).toBe(lost.refreshToken);
  });

  test('T-07 twenty times at once gives one successor and leaves one live token', async () => {
    const { refreshToken, claims } = await t.signIn();
    const answers = await Promise.all(Array.from({ length: 20 }, () => t.refresh(refreshToken)));

    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.claims.jti)).size).toBe(20);
    expect(
      await t.query(
        `select count(*) filter (where consumed_at is null)::int as live, count(*)::int as made
           from auth.refresh_tokens where session_id = $1`,
        [claims.sid],
      ),
    ).toEqual([{ live: 1, made: 2 }]);
  });

  test('T-07 at two processes at once gives one successor', async () => {
    const another = await t.startAnother();
    const { refreshToken } = await t.signIn();
    const answers = await Promise.all([
      t.refresh(refreshToken),
      another.sessions.refresh({ refreshToken, source: undefined }),
      t.refresh(refreshToken),
      another.sessions.refresh({ refreshToken, source: undefined }),
    ]);

    const tokens = answers.map((a) => ('tokens' in a ? a.tokens!.refreshToken : a.refreshToken));
    expect(new Set(tokens).size).toBe(1);
  });

  test('T-06 after the window ends the session: no token of the family counts any more', async () => {
    const first = await t.signIn();
    const second = await t.refresh(first.refreshToken);
    await endReplayWindow(first.claims.sid);

    await expectInvalid(first.refreshToken);

    await expectInvalid(second.refreshToken);
    await expect(t.me(second.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    const { revocations } = await t.as.api.revocations.listRevocations({});
    expect(revocations).toContainEqual(
      expect.objectContaining({ kind: 'session', id: first.claims.sid }),
    );
    expect(t.logLines.filter((line) => line.includes(first.claims.sid))).toEqual([
      expect.stringContaining('"reason":"refresh-token-reused"'),
    ]);
  });

  test('T-06 with an ancestor from long ago ends the session too', async () => {
    const first = await t.signIn();
    const second = await t.refresh(first.refreshToken);
    const third = await t.refresh(second.refreshToken);
    await endReplayWindow(first.claims.sid);

    await expectInvalid(first.refreshToken);
    await expectInvalid(third.refreshToken);
  });

  test('leaves other sessions of the same user alone', async () => {
    const person = await t.signUp();
    const [stolen, other] = [await t.signIn(person), await t.signIn(person)];
    await t.refresh(stolen.refreshToken);
    await endReplayWindow(stolen.claims.sid);
    await expectInvalid(stolen.refreshToken);

    await t.refresh(other.refreshToken);
  });

  test('T-04 is refused after logout, for the newest token and for its parent', async () => {
    const first = await t.signIn();
    const second = await t.refresh(first.refreshToken);
    await t.logout(second.accessToken);

    await expectInvalid(second.refreshToken);
    await expectInvalid(first.refreshToken);
  });

  test('racing with logout never leaves a session that lives', async () => {
    const { accessToken, refreshToken, claims } = await t.signIn();
    const [refreshed] = await Promise.allSettled([t.refresh(refreshToken), t.logout(accessToken)]);

    if (refreshed.status === 'fulfilled') await expectInvalid(refreshed.value.refreshToken);
    expect(
      await t.query('select revoke_reason from auth.sessions where id = $1', [claims.sid]),
    ).toEqual([{ revoke_reason: 'logout' }]);
  });

  test('T-12 is refused when the token was not used for a week, and when the session is a month old', async () => {
    const idle = await t.signIn();
    await t.query(
      `update auth.refresh_tokens set expires_at = now() - interval '1 s' where session_id = $1`,
      [idle.claims.sid],
    );
    const old = await t.signIn();
    await t.query(`update auth.sessions set expires_at = now() - interval '1 s' where id = $1`, [
      old.claims.sid,
    ]);

    await expectInvalid(idle.refreshToken);
    await expectInvalid(old.refreshToken);
    expect(
      await t.query('select revoked_at from auth.sessions where id = any($1)', [
        [idle.claims.sid, old.claims.sid],
      ]),
    ).toEqual([{ revoked_at: null }, { revoked_at: null }]);
  });

  test('T-12 starts with lives of seven and thirty days', async () => {
    const { claims } = await t.signIn();

    expect(
      await t.query(
        `select extract(day from sessions.expires_at - sessions.created_at)::int as session,
                extract(day from refresh_tokens.expires_at - refresh_tokens.created_at)::int as idle
           from auth.sessions join auth.refresh_tokens on session_id = sessions.id
          where sessions.id = $1`,
        [claims.sid],
      ),
    ).toEqual([{ session: 30, idle: 7 }]);
  });

  test('T-08 carries the role of now', async () => {
    const first = await t.signIn();
    await t.query(`update auth.memberships set role = 'viewer' where user_id = $1`, [
      first.claims.sub,
    ]);

    const second = await t.refresh(first.refreshToken);
    expect(second.claims.role).toBe('viewer');
    expect(second.claims.scope).not.toContain('write');
    expect(second.workspace!.role).toBe('viewer');
  });

  test('ends the session of who is no member any more', async () => {
    const { refreshToken, claims } = await t.signIn();
    await t.query('delete from auth.memberships where user_id = $1', [claims.sub]);

    await expectInvalid(refreshToken);
    expect(
      await t.query('select revoke_reason from auth.sessions where id = $1', [claims.sid]),
    ).toEqual([{ revoke_reason: 'membership-ended' }]);
  });

  test.each([
    ['invented', 'cap_rt_nothing'],
    ['of another kind', 'eyJhbGciOiJFUzI1NiJ9.e30.AA'],
  ])('refuses a token that is %s', async (_what, token) => {
    await expectInvalid(token);
  });

  test('refuses an empty token as a bad request', async () => {
    await expect(t.refresh('')).rejects.toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/refreshToken' }],
    });
  });
});

async function expectInvalid(refreshToken: string) {
  await expect(t.refresh(refreshToken)).rejects.toMatchObject({ code: 'refresh-token-invalid' });
}

async function endReplayWindow(sessionId: string) {
  await t.query(
    `update auth.refresh_tokens
        set consumed_at = consumed_at - interval '11 s'
      where session_id = $1 and consumed_at is not null`,
    [sessionId],
  );
}
