import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowSecurityFaults, serviceRoleFaults } from '@capstone/testing/catalog';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { waitFor } from '@capstone/testing/wait-for';
import { AuthApp } from './auth-app.js';

let t: AuthApp;
let asService: Database;
beforeAll(async () => {
  t = await AuthApp.start();
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
});

describe('who reads the whole database', () => {
  test('T-05 finds no password, no token and no private key in it, nor in the log', async () => {
    const person = await t.signUp();
    const first = await t.signIn(person);
    const second = await t.refresh(first.refreshToken);
    await t.refresh(first.refreshToken);
    await t.logout(second.accessToken);
    await t.refresh(second.refreshToken).catch(() => undefined);

    const seen = `${await everything()}\n${t.logLines.join('')}`;

    for (const secret of [
      person.password,
      first.refreshToken,
      second.refreshToken,
      first.accessToken,
      second.accessToken,
    ]) {
      for (const form of [secret, hex(secret), Buffer.from(secret).toString('base64')]) {
        expect(seen).not.toContain(form);
      }
    }
    expect(seen).not.toMatch(/cap_rt_|"d":|"private_jwk"/);
    expect(seen).not.toContain(hex('"d":'));
  });

  test('A-01 finds different hashes for the same password, with the parameters of the policy', async () => {
    const [one, other] = [await t.signUp(), await t.signUp()];
    await t.as.api.accounts.register({
      email: `twin-${other.email}`,
      password: one.password,
      name: undefined,
      source: undefined,
    });
    const hashes = await t.query<{ password_hash: string }>(
      `select password_hash
         from auth.credentials join auth.users on users.id = user_id
        where email = any($1)`,
      [[one.email, `twin-${other.email}`]],
    );

    expect(hashes[0]!.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(hashes[0]!.password_hash).not.toBe(hashes[1]!.password_hash);
  });

  test('finds a sealed successor only until the replay window is over', async () => {
    const { refreshToken, claims } = await t.signIn();
    await t.refresh(refreshToken);
    await t.query(
      `update auth.refresh_tokens
          set consumed_at = consumed_at - interval '11 s'
        where session_id = $1 and consumed_at is not null`,
      [claims.sid],
    );

    await waitFor(async () => (await sealedOf(claims.sid)) === 0, { timeoutMs: 15_000 });
  });
});

describe('the service role', () => {
  test('owns nothing, bypasses nothing and may do nothing a service must not', async () => {
    expect(await serviceRoleFaults(t.database, 'auth')).toEqual([]);
  });

  test('meets row-level security on every table with a workspace', async () => {
    expect(await rowSecurityFaults(t.database)).toEqual([]);
    expect(
      await t.query(
        `select relname from pg_class
          where relnamespace = 'auth'::regnamespace and relforcerowsecurity order by 1`,
      ),
    ).toEqual(
      ['api_keys', 'invitations', 'memberships', 'sessions', 'workspaces'].map((relname) => ({
        relname,
      })),
    );
  });

  test.each(['workspaces', 'memberships', 'invitations', 'sessions'])(
    'sees no row of %s without a context',
    async (table) => {
      await t.signIn();

      expect(await asService.unscoped.query(`all_${table}`, `select * from auth.${table}`)).toEqual(
        [],
      );
    },
  );

  test('sees the rows of the current user or workspace and no others', async () => {
    const [mine, other] = [await t.signIn(), await t.signIn()];
    const asMe = asService.read({ userId: mine.claims.sub });
    const inOther = asService.read({ workspaceId: other.claims.wid });

    const ids = { name: 'session_ids', text: 'select id from auth.sessions' };
    expect(await asMe.query(ids.name, ids.text)).toEqual([{ id: mine.claims.sid }]);
    expect(await inOther.query(ids.name, ids.text)).toEqual([{ id: other.claims.sid }]);
    expect(await asMe.query('workspace_ids', 'select id from auth.workspaces')).toEqual([
      { id: mine.claims.wid },
    ]);
  });

  test('cannot write itself into the workspace of others', async () => {
    const [mine, other] = [await t.signIn(), await t.signIn()];
    const intrude = asService.transaction({ userId: mine.claims.sub }, (tx) =>
      tx.query(
        'intrude',
        `insert into auth.memberships (workspace_id, user_id, role) values ($1, $2, 'owner')`,
        [other.claims.wid, mine.claims.sub],
      ),
    );

    await expect(intrude).rejects.toThrow(/42501/);
  });

  test('cannot change a role in the workspace of others', async () => {
    const [mine, other] = [await t.signIn(), await t.signIn()];
    const changed = await asService.transaction({ userId: mine.claims.sub }, (tx) =>
      tx.query(
        'intrude_role',
        `update auth.memberships set role = 'viewer' where workspace_id = $1 returning user_id`,
        [other.claims.wid],
      ),
    );

    expect(changed).toEqual([]);
  });

  test.each([
    ['give a password to somebody else', 'update auth.credentials set user_id = user_id'],
    ['change an address', `update auth.users set email = email`],
    ['bring a session back', `update auth.sessions set expires_at = now()`],
    ['bring a refresh token back', `update auth.refresh_tokens set expires_at = now()`],
    ['remove a user', 'delete from auth.users'],
    [
      'replace a signing key',
      'update auth.signing_keys set wrapped_private_jwk = wrapped_private_jwk',
    ],
    ['make a table', 'create table auth.mine (id int)'],
  ])('has no right to %s', async (what, statement) => {
    await expect(asService.unscoped.query(what, statement)).rejects.toThrow(/42501/);
  });
});

function hex(text: string) {
  return Buffer.from(text).toString('hex');
}

async function everything() {
  const tables = await t.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'auth'`,
  );
  const dumps = await Promise.all(
    tables.map(({ name }) => t.query<{ row: string }>(`select x::text as row from auth.${name} x`)),
  );
  return dumps.flatMap((rows) => rows.map(({ row }) => row)).join('\n');
}

async function sealedOf(sessionId: string) {
  const rows = await t.query(
    'select id from auth.refresh_tokens where session_id = $1 and sealed_successor is not null',
    [sessionId],
  );
  return rows.length;
}
