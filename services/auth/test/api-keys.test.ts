import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mintApiKey } from '@capstone/platform/api-key';
import { AuthApp, bearing } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

type SignedIn = Awaited<ReturnType<AuthApp['signIn']>>;

async function create(by: SignedIn, scopes = ['tasks:read', 'tasks:write'], expiresInDays = 90) {
  const { apiKey, key } = await t.as.api.apiKeys.createApiKey(
    { name: 'Reports', scopes, expiresInDays },
    bearing(by.accessToken),
  );
  return { ...apiKey!, key };
}
const verify = (key: string) => t.as.api.apiKeys.verifyApiKey({ key });
const revoke = (by: SignedIn, apiKeyId: string) =>
  t.as.api.apiKeys.revokeApiKey({ apiKeyId }, bearing(by.accessToken));
const list = async (by: SignedIn) =>
  (await t.as.api.apiKeys.listApiKeys({ limit: 100 }, bearing(by.accessToken))).apiKeys;

/** Somebody of this role in the workspace of the owner. */
async function join(owner: SignedIn, role: string) {
  const person = await t.signUp();
  await t.query(
    `insert into auth.memberships (workspace_id, user_id, role)
     select $1, id, $3 from auth.users where email = $2`,
    [owner.claims.wid, person.email, role],
  );
  return t.signIn(person, owner.claims.wid);
}

const refused = { code: 'token-invalid' };

describe('CreateApiKey', () => {
  test('T-17 shows the key once and keeps nothing that could stand for it', async () => {
    const ada = await t.signIn();

    const created = await create(ada);

    expect(created).toMatchObject({
      name: 'Reports',
      scopes: ['tasks:read', 'tasks:write'],
      createdBy: ada.claims.sub,
    });
    expect(created.key.startsWith(`${created.prefix}_`)).toBe(true);
    const days = (Date.parse(created.expiresAt) - Date.parse(created.createdAt)) / 86_400_000;
    expect(days).toBeCloseTo(90, 1);
    const [row] = await t.query<{ row: string }>(
      'select k::text as row from auth.api_keys k where id = $1',
      [created.id],
    );
    const secret = created.key.slice(created.prefix.length + 1);
    for (const form of [secret, Buffer.from(created.key).toString('hex')]) {
      expect(row!.row).not.toContain(form);
      expect(t.logLines.join('')).not.toContain(form);
    }
    expect(JSON.stringify(await list(ada))).not.toContain(secret);
  });

  test('T-17 gives no scope that the creator has not, none of people, and no long life', async () => {
    const owner = await t.signIn();
    const member = await join(owner, 'member');
    const viewer = await join(owner, 'viewer');

    await create(member);
    await expect(create(viewer)).rejects.toMatchObject({ code: 'permission-denied' });
    await expect(create(owner, ['members:write'])).rejects.toMatchObject({
      code: 'validation-failed',
    });
    await expect(create(owner, ['tasks:read'], 366)).rejects.toMatchObject({
      code: 'validation-failed',
    });
  });

  test('A-12 needs a fresh sign-in', async () => {
    const ada = await t.signIn();
    await t.query(
      `update auth.sessions set authenticated_at = now() - interval '6 min' where id = $1`,
      [ada.claims.sid],
    );

    await expect(create(ada)).rejects.toMatchObject({ code: 'step-up-required' });
  });
});

describe('VerifyApiKey', () => {
  test('T-17 says for whom a key speaks and with which scopes, and notes its use', async () => {
    const ada = await t.signIn();
    const { key, id } = await create(ada);

    expect(await verify(key)).toMatchObject({
      apiKeyId: id,
      workspaceId: ada.claims.wid,
      userId: ada.claims.sub,
      role: 'owner',
      epoch: ada.claims.epoch,
      scopes: ['tasks:read', 'tasks:write'],
    });
    expect((await list(ada))[0]!.lastUsedAt).toBeDefined();
  });

  test('T-17 refuses what was invented, mistyped, revoked or is over', async () => {
    const ada = await t.signIn();
    const [revoked, over] = [await create(ada), await create(ada)];
    await revoke(ada, revoked.id);
    await t.query(`update auth.api_keys set expires_at = now() where id = $1`, [over.id]);

    for (const key of [mintApiKey().key, `${over.key}x`, revoked.key, over.key, '']) {
      await expect(verify(key)).rejects.toMatchObject(refused);
    }
    expect(await list(ada)).toEqual([]);
  });

  test('T-17 takes the scopes that the role of the creator has lost, and the key of who is gone', async () => {
    const owner = await t.signIn();
    const member = await join(owner, 'member');
    const { key, id } = await create(member);
    const of = { workspaceId: owner.claims.wid, userId: member.claims.sub };

    await t.as.api.workspaces.changeRole({ ...of, role: 'viewer' }, bearing(owner.accessToken));
    expect(await verify(key)).toMatchObject({ role: 'viewer', scopes: ['tasks:read'] });

    await t.as.api.workspaces.removeMember(of, bearing(owner.accessToken));
    await expect(verify(key)).rejects.toMatchObject(refused);
    const { revocations } = await t.as.api.revocations.listRevocations({});
    expect(revocations).toContainEqual(expect.objectContaining({ kind: 'api-key', id }));
  });

  test('is for api alone', async () => {
    await expect(t.as.worker.apiKeys.verifyApiKey({ key: 'x' })).rejects.toMatchObject({
      code: 'peer-denied',
    });
  });
});

describe('RevokeApiKey', () => {
  test('T-17 revokes one’s own, and everybody’s for who may remove members', async () => {
    const owner = await t.signIn();
    const [member, other] = [await join(owner, 'member'), await join(owner, 'member')];
    const [mine, second] = [await create(member), await create(member)];

    await expect(revoke(other, mine.id)).rejects.toMatchObject({ code: 'api-key-not-found' });
    await expect(revoke(await t.signIn(), mine.id)).rejects.toMatchObject({
      code: 'api-key-not-found',
    });
    expect(await list(other)).toEqual([]);
    expect((await list(owner)).map(({ id }) => id)).toEqual([mine.id, second.id]);
    await revoke(member, mine.id);
    await revoke(owner, second.id);
    await expect(revoke(owner, second.id)).rejects.toMatchObject({ code: 'api-key-not-found' });

    const { revocations } = await t.as.api.revocations.listRevocations({});
    expect(revocations.map(({ id }) => id)).toEqual(expect.arrayContaining([mine.id, second.id]));
  });
});
