import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp, hashesMade, somebody } from './auth-app.js';
import type { Person } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

describe('Register', () => {
  test('creates the user, a personal workspace and its owner', async () => {
    const person = somebody();
    await t.as.api.accounts.register({ ...person, name: 'Ada', source: undefined });

    const { workspace, accessToken } = await t.signIn(person);
    expect(workspace).toMatchObject({ name: 'Ada’s workspace', role: 'owner' });
    expect(await t.me(accessToken)).toMatchObject({
      email: person.email,
      name: 'Ada',
      emailVerified: false,
    });
  });

  test('A-06 answers the same for an address that is taken, and changes nothing', async () => {
    const person = await t.signUp();
    const { workspace } = await t.signIn(person);

    const again = { email: person.email, password: 'another long password', name: 'Eve' };
    expect(await t.as.api.accounts.register({ ...again, source: undefined })).toEqual({});

    await expect(t.signIn({ ...person, password: again.password })).rejects.toMatchObject({
      code: 'credentials-invalid',
    });
    const after = await t.signIn(person);
    expect(after.workspace).toEqual(workspace);
    expect((await t.me(after.accessToken)).name).toBe(undefined);
  });

  test('of one address several times at once creates one account', async () => {
    const person = somebody();
    const attempts = Array.from({ length: 5 }, () =>
      t.as.api.accounts.register({ ...person, name: undefined, source: undefined }),
    );
    await Promise.all(attempts);

    expect(
      await t.query(
        `select count(*)::int as users,
                (select count(*)::int from auth.workspaces where personal_of = users.id) as workspaces,
                (select count(*)::int from auth.memberships where user_id = users.id) as memberships
           from auth.users where email = $1 group by users.id`,
        [person.email],
      ),
    ).toEqual([{ users: 1, workspaces: 1, memberships: 1 }]);
  });

  test('knows an address in any case, with blanks around it', async () => {
    const person = somebody();
    const shouted = { ...person, email: ` ${person.email.toUpperCase()} ` };
    await t.as.api.accounts.register({ ...shouted, name: undefined, source: undefined });

    expect((await t.me((await t.signIn(person)).accessToken)).email).toBe(person.email);
  });

  test('A-06 hashes once for a known address as for a new one', async () => {
    const person = await t.signUp();

    expect(await hashesOf(register(person))).toBe(1);
    expect(await hashesOf(register(somebody()))).toBe(1);
  });

  test.each([
    ['an address that is none', { email: 'nobody' }, '/email'],
    ['a password of 11 bytes', { password: 'a b c d e f' }, '/password'],
    ['a password of 257 bytes', { password: 'x'.repeat(257) }, '/password'],
    ['an empty name', { name: ' ' }, '/name'],
  ])('A-03 refuses %s', async (_what, fields, pointer) => {
    const request = { ...somebody(), name: undefined, source: undefined, ...fields };

    await expect(t.as.api.accounts.register(request)).rejects.toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer }],
    });
  });

  test('A-04 refuses a password that others would guess', async () => {
    const request = {
      ...somebody(),
      password: 'Password12345',
      name: undefined,
      source: undefined,
    };

    await expect(t.as.api.accounts.register(request)).rejects.toMatchObject({
      code: 'password-unacceptable',
      errors: [{ pointer: '/password' }],
    });
    expect(await t.query('select id from auth.users where email = $1', [request.email])).toEqual(
      [],
    );
  });

  test.each([
    ['blanks at both ends', '  spaced out at both ends  '],
    ['emoji and accents', 'pässwörd 🦔 with 🦔 hedgehogs'],
    ['256 bytes', 'abcdefgh'.repeat(32)],
  ])('A-03 takes a password with %s exactly as it came', async (_what, password) => {
    const person = { ...somebody(), password };
    await t.as.api.accounts.register({ ...person, name: undefined, source: undefined });

    await t.signIn(person);
    for (const almost of [password.slice(0, -1), password.toUpperCase(), `${password} `.slice(1)]) {
      await expect(t.signIn({ ...person, password: almost })).rejects.toMatchObject({
        code: 'credentials-invalid',
      });
    }
  });
});

describe('Login', () => {
  test('T-01 hands out an RFC 9068 token, a refresh token and the workspace', async () => {
    const { claims, refreshToken, workspace, expiresInSeconds } = await t.signIn();

    expect(refreshToken).toMatch(/^cap_rt_[0-9A-Za-z]{49}$/);
    expect(expiresInSeconds).toBe(300);
    expect(claims).toMatchObject({
      iss: 'https://auth.capstone.internal',
      aud: 'capstone-api',
      client_id: 'capstone',
      wid: workspace!.id,
      role: 'owner',
      aal: 1,
    });
    expect(claims.exp - claims.iat).toBe(300);
  });

  test('T-13 starts a session of its own each time', async () => {
    const person = await t.signUp();
    const [first, second] = [await t.signIn(person), await t.signIn(person)];

    expect(second.claims.sid).not.toBe(first.claims.sid);
    expect(second.claims.jti).not.toBe(first.claims.jti);
  });

  test('A-05 says the same about an unknown address and a wrong password', async () => {
    const known = await t.signUp();
    const outcomes = await Promise.all(
      [{ ...known, password: 'not the password' }, somebody()].map((person) =>
        t.signIn(person).catch((problem: unknown) => problem),
      ),
    );

    expect(outcomes[0]).toMatchObject({ code: 'credentials-invalid' });
    expect(outcomes[1]).toEqual(outcomes[0]);
  });

  test('A-05 hashes once for an unknown address as for a wrong password', async () => {
    const person = { ...(await t.signUp()), password: 'not the password' };

    expect(await hashesOf(t.signIn(person))).toBe(1);
    expect(await hashesOf(t.signIn(somebody()))).toBe(1);
  });

  test('into the workspace asked for, if the user belongs to it', async () => {
    const person = await t.signUp();
    const personal = (await t.signIn(person)).workspace!;
    const shared = await workspaceOf(person.email, 'viewer');

    const there = await t.signIn(person, shared);
    expect(there.workspace).toEqual({ id: shared, name: 'Shared', role: 'viewer' });
    expect(there.claims).toMatchObject({ wid: shared, role: 'viewer' });
    expect(there.claims.scope).not.toContain('write');
    expect((await t.signIn(person)).workspace!.id).toBe(shared);
    expect((await t.signIn(person, personal.id)).workspace).toEqual(personal);
  });

  test('answers a workspace of others like one that does not exist', async () => {
    const person = await t.signUp();
    const others = (await t.signIn()).workspace!.id;

    for (const workspaceId of [others, uuidv7()]) {
      await expect(t.signIn(person, workspaceId)).rejects.toMatchObject({
        code: 'workspace-not-found',
      });
      const stranger = { ...person, password: 'not the password' };
      await expect(t.signIn(stranger, workspaceId)).rejects.toMatchObject({
        code: 'credentials-invalid',
      });
    }
  });

  test('refuses a workspace id that is none', async () => {
    await expect(t.signIn(await t.signUp(), 'mine')).rejects.toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/workspaceId' }],
    });
  });

  test('removes the sessions of the user that are over', async () => {
    const person = await t.signUp();
    const { claims } = await t.signIn(person);
    await t.query(`update auth.sessions set expires_at = now() - interval '1 s' where id = $1`, [
      claims.sid,
    ]);

    await t.signIn(person);

    expect(await t.query('select id from auth.sessions where id = $1', [claims.sid])).toEqual([]);
  });
});

function register(person: Person) {
  return t.as.api.accounts.register({ ...person, name: undefined, source: undefined });
}

async function hashesOf(call: Promise<unknown>) {
  const before = await hashesMade();
  await call.catch(() => undefined);
  return (await hashesMade()) - before;
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
