import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rolePermissions } from '@capstone/contracts/permissions';
import type { Permission, Role } from '@capstone/contracts/permissions';
import { AuthApp, bearing, claimsOf, somebody } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

type SignedIn = Awaited<ReturnType<AuthApp['signIn']>>;

/** A workspace with one member of each role, all signed into it. */
async function team() {
  const owner = await t.signIn();
  const { workspace } = await t.as.api.workspaces.createWorkspace(
    { name: 'Engines' },
    bearing(owner.accessToken),
  );
  const id = workspace!.id;
  const join = async (role: Role) => {
    const person = await t.signUp();
    await t.query(
      `insert into auth.memberships (workspace_id, user_id, role)
       select $1, id, $3 from auth.users where email = $2`,
      [id, person.email, role],
    );
    return { ...(await t.signIn(person, id)), person };
  };
  return {
    id,
    owner,
    admin: await join('admin'),
    member: await join('member'),
    viewer: await join('viewer'),
    join,
  };
}

const changeRole = (by: SignedIn, workspaceId: string, user: SignedIn, role: string) =>
  t.as.api.workspaces.changeRole(
    { workspaceId, userId: user.claims.sub, role },
    bearing(by.accessToken),
  );
const removeMember = (by: SignedIn, workspaceId: string, user: SignedIn) =>
  t.as.api.workspaces.removeMember(
    { workspaceId, userId: user.claims.sub },
    bearing(by.accessToken),
  );
const rolesOf = async (by: SignedIn, workspaceId: string) => {
  const { members } = await t.as.api.workspaces.listMembers(
    { workspaceId, limit: 100 },
    bearing(by.accessToken),
  );
  return Object.fromEntries(members.map(({ userId, role }) => [userId, role]));
};

const remove = (by: SignedIn, workspaceId: string) =>
  t.as.api.workspaces.deleteWorkspace({ workspaceId }, bearing(by.accessToken));
const restore = (by: SignedIn, workspaceId: string) =>
  t.as.api.workspaces.restoreWorkspace({ workspaceId }, bearing(by.accessToken));

const invite = (by: SignedIn, workspaceId: string, email: string, role = 'member') =>
  t.as.api.invitations.createInvitation({ workspaceId, email, role }, bearing(by.accessToken));
const accept = (by: SignedIn, token: string) =>
  t.as.api.invitations.acceptInvitation({ token }, bearing(by.accessToken));
const tokenFor = async (email: string) => (await t.mailsTo(email)).at(-1)!.token!;

describe('CreateWorkspace', () => {
  test('makes the caller its owner, who may then sign into it', async () => {
    const ada = await t.signIn();
    const { workspace } = await t.as.api.workspaces.createWorkspace(
      { name: ' Engines ' },
      bearing(ada.accessToken),
    );

    expect(workspace).toMatchObject({
      name: 'Engines',
      role: 'owner',
      personal: false,
      version: 1,
      deletionDueAt: undefined,
    });
    const { workspaces } = await t.as.api.workspaces.listWorkspaces(
      { limit: 10 },
      bearing(ada.accessToken),
    );
    expect(workspaces).toMatchObject([{ personal: true }, { id: workspace!.id }]);
    const there = await t.as.api.sessions.switchWorkspace(
      { workspaceId: workspace!.id, source: undefined },
      bearing(ada.accessToken),
    );
    expect(claimsOf(there.tokens!.accessToken)).toMatchObject({
      wid: workspace!.id,
      role: 'owner',
    });
  });
});

describe('a role', () => {
  test('H-02 of nobody: a workspace of others is like one that does not exist, for every call', async () => {
    const { id, viewer } = await team();
    const stranger = await t.signIn();

    for (const workspaceId of [id, uuidv7()]) {
      for (const [, call] of calls(workspaceId, viewer)) {
        await expect(call(stranger)).rejects.toMatchObject({ code: 'workspace-not-found' });
      }
    }
  });

  test.each(['owner', 'admin', 'member', 'viewer'] as const)(
    'of %s allows exactly what the table of permissions says',
    async (role) => {
      const people = await team();
      const target = await people.join('viewer');

      for (const [permission, call] of calls(people.id, target)) {
        const outcome = await call(people[role]).then(
          () => 'allowed',
          (error: { code: string }) => error.code,
        );
        const may = rolePermissions[role].includes(permission);
        expect([permission, outcome]).toEqual([permission, may ? 'allowed' : 'permission-denied']);
      }
    },
  );

  test('T-04 that changes ends the tokens of before within the feed, and refreshing gives the new one', async () => {
    const { id, owner, member } = await team();

    await changeRole(owner, id, member, 'viewer');

    const { revocations } = await t.as.api.revocations.listRevocations({});
    const told = revocations.find(({ id: of }) => of === `${id}/${member.claims.sub}`);
    expect(told).toMatchObject({ kind: 'roles' });
    expect(told!.epoch).toBeGreaterThan(member.claims.epoch);
    const again = await t.refresh(member.refreshToken);
    expect(again.claims.role).toBe('viewer');
    expect(again.claims.epoch).toBe(told!.epoch);
    expect(again.claims.scope).not.toContain('write');
  });

  test('cannot be raised by who holds it, nor an owner touched by an admin', async () => {
    const { id, owner, admin, member } = await team();

    await expect(changeRole(admin, id, admin, 'owner')).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await expect(changeRole(admin, id, owner, 'viewer')).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await expect(removeMember(admin, id, owner)).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await changeRole(admin, id, member, 'admin');
    expect(await rolesOf(owner, id)).toMatchObject({
      [owner.claims.sub]: 'owner',
      [member.claims.sub]: 'admin',
    });
  });

  test('refuses one that does not exist, and a member who is none', async () => {
    const { id, owner, viewer } = await team();

    await expect(changeRole(owner, id, viewer, 'root')).rejects.toMatchObject({
      code: 'validation-failed',
    });
    await expect(changeRole(owner, id, await t.signIn(), 'viewer')).rejects.toMatchObject({
      code: 'member-not-found',
    });
  });
});

describe('the last owner', () => {
  test('can neither leave nor become less', async () => {
    const { id, owner } = await team();

    await expect(changeRole(owner, id, owner, 'admin')).rejects.toMatchObject({
      code: 'last-owner',
    });
    await expect(removeMember(owner, id, owner)).rejects.toMatchObject({ code: 'last-owner' });
  });

  test('stays one when two owners remove each other at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const people = await team();
      const { id, owner } = people;
      const second = await people.join('owner');

      await Promise.allSettled([
        removeMember(owner, id, second),
        removeMember(second, id, owner),
        changeRole(owner, id, second, 'viewer'),
        changeRole(second, id, owner, 'viewer'),
        removeMember(owner, id, owner),
        removeMember(second, id, second),
      ]);

      const [left] = await t.query<{ owners: number }>(
        `select count(*)::int as owners from auth.memberships
          where workspace_id = $1 and role = 'owner'`,
        [id],
      );
      expect(left!.owners).toBe(1);
    }
  });
});

describe('RemoveMember', () => {
  test('T-04 ends the sessions of the member there, and nowhere else', async () => {
    const { id, owner, member } = await team();
    const elsewhere = await t.signIn(member.person, await personalOf(member));

    await removeMember(owner, id, member);

    await expect(t.me(member.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.refresh(member.refreshToken)).rejects.toMatchObject({
      code: 'refresh-token-invalid',
    });
    await t.me(elsewhere.accessToken);
    const { revocations } = await t.as.api.revocations.listRevocations({});
    expect(revocations.map(({ id: of }) => of)).toEqual(
      expect.arrayContaining([`${id}/${member.claims.sub}`, member.claims.sid]),
    );
  });

  test('lets everybody leave', async () => {
    const { id, owner, viewer } = await team();

    await removeMember(viewer, id, viewer);

    expect(await rolesOf(owner, id)).not.toHaveProperty(viewer.claims.sub);
  });
});

describe('RenameWorkspace', () => {
  test('makes a new version, and none for the same name', async () => {
    const { id, owner } = await team();
    const rename = (name: string, expectedVersion?: number) =>
      t.as.api.workspaces.renameWorkspace(
        { workspaceId: id, name, expectedVersion },
        bearing(owner.accessToken),
      );

    expect(await rename('Looms', 1)).toMatchObject({ workspace: { name: 'Looms', version: 2 } });
    expect(await rename('Looms')).toMatchObject({ workspace: { version: 2 } });
    await expect(rename('Mills', 1)).rejects.toMatchObject({ code: 'version-mismatch' });
  });
});

describe('DeleteWorkspace', () => {
  test('signs everybody out of it at once, and nobody gets in again', async () => {
    const { id, owner, member } = await team();

    const { workspace } = await remove(owner, id);

    expect(Date.parse(workspace!.deletionDueAt!)).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    await expect(t.me(member.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.signIn(member.person, id)).rejects.toMatchObject({
      code: 'workspace-not-found',
    });
    await expect(rolesOf(owner, id)).rejects.toMatchObject({ code: 'workspace-not-found' });
  });

  test('is taken back by an owner, and by nobody else', async () => {
    const { id, owner, admin } = await team();
    await remove(owner, id);
    const adminElsewhere = await t.signIn(admin.person, await personalOf(admin));

    await expect(restore(adminElsewhere, id)).rejects.toMatchObject({ code: 'permission-denied' });
    expect(await restore(owner, id)).toMatchObject({ workspace: { deletionDueAt: undefined } });

    await t.signIn(admin.person, id);
  });

  test('A-12 needs a fresh sign-in', async () => {
    const { id, owner } = await team();
    await t.query(
      `update auth.sessions set authenticated_at = now() - interval '6 min' where id = $1`,
      [owner.claims.sid],
    );

    await expect(remove(owner, id)).rejects.toMatchObject({ code: 'step-up-required' });
  });

  test('leaves a personal workspace alone', async () => {
    const ada = await t.signIn();

    await expect(remove(ada, ada.claims.wid)).rejects.toMatchObject({ code: 'workspace-personal' });
  });
});

describe('an invitation', () => {
  test('comes by mail alone, and lets in who has the address, once', async () => {
    const { id, owner, admin } = await team();
    const guest = await t.signIn();

    const { invitation } = await invite(admin, id, guest.email.toUpperCase());
    const token = await tokenFor(guest.email);
    expect(JSON.stringify(invitation)).not.toContain(token);

    expect(await accept(guest, token)).toMatchObject({ workspace: { id, role: 'member' } });
    expect(await rolesOf(owner, id)).toMatchObject({ [guest.claims.sub]: 'member' });
    await expect(accept(guest, token)).rejects.toMatchObject({ code: 'invitation-not-found' });
  });

  test('accepted many times at once makes one member', async () => {
    const { id, owner } = await team();
    const guest = await t.signIn();
    await invite(owner, id, guest.email);
    const token = await tokenFor(guest.email);

    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => accept(guest, token)),
    );

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('does nothing for another address, when it is over, taken back, replaced or invented', async () => {
    const { id, owner } = await team();
    const guest = await t.signIn();
    await invite(owner, id, guest.email);
    const replaced = await tokenFor(guest.email);
    const { invitation } = await invite(owner, id, guest.email, 'viewer');
    const token = await tokenFor(guest.email);

    const refused = { code: 'invitation-not-found' };
    await expect(accept(await t.signIn(), token)).rejects.toMatchObject(refused);
    await expect(accept(guest, replaced)).rejects.toMatchObject(refused);
    await expect(accept(guest, `${token.slice(0, -1)}x`)).rejects.toMatchObject(refused);
    await t.query(`update auth.invitations set expires_at = now() where id = $1`, [invitation!.id]);
    await expect(accept(guest, token)).rejects.toMatchObject(refused);
    await t.as.api.invitations.deleteInvitation(
      { workspaceId: id, invitationId: invitation!.id },
      bearing(owner.accessToken),
    );
    await expect(accept(guest, token)).rejects.toMatchObject(refused);
  });

  test('makes nobody more than who invites, and no member twice', async () => {
    const { id, owner, admin, viewer } = await team();

    await expect(invite(admin, id, somebody().email, 'owner')).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await expect(invite(owner, id, viewer.email)).rejects.toMatchObject({ code: 'already-member' });
  });

  test('is listed while it is pending, without its token', async () => {
    const { id, owner } = await team();
    const { email } = somebody();
    await invite(owner, id, email);

    const { invitations } = await t.as.api.invitations.listInvitations(
      { workspaceId: id, limit: 10 },
      bearing(owner.accessToken),
    );

    expect(invitations).toMatchObject([{ email, role: 'member', invitedBy: owner.claims.sub }]);
  });
});

/** What each permission is needed for. Order matters: the last ones change the target. */
function calls(workspaceId: string, target: SignedIn) {
  const of = { workspaceId };
  const page = { ...of, limit: 10 };
  const { workspaces, invitations } = t.as.api;
  const all: [Permission, (by: SignedIn) => Promise<unknown>][] = [
    ['workspace:read', (by) => workspaces.getWorkspace(of, bearing(by.accessToken))],
    [
      'workspace:write',
      (by) => workspaces.renameWorkspace({ ...of, name: 'Looms' }, bearing(by.accessToken)),
    ],
    ['members:read', (by) => workspaces.listMembers(page, bearing(by.accessToken))],
    ['members:write', (by) => invitations.listInvitations(page, bearing(by.accessToken))],
    [
      'members:write',
      (by) =>
        invitations.createInvitation(
          { ...of, email: somebody().email, role: 'viewer' },
          bearing(by.accessToken),
        ),
    ],
    ['members:write', (by) => changeRole(by, workspaceId, target, 'member')],
    ['members:write', (by) => removeMember(by, workspaceId, target)],
    ['workspace:export', (by) => workspaces.beginExport(of, bearing(by.accessToken))],
    ['workspace:delete', (by) => workspaces.deleteWorkspace(of, bearing(by.accessToken))],
  ];
  return all;
}

async function personalOf(user: SignedIn): Promise<string> {
  const [personal] = await t.query<{ id: string }>(
    'select id from auth.workspaces where personal_of = $1',
    [user.claims.sub],
  );
  return personal!.id;
}
