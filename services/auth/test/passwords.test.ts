import { createHmac } from 'node:crypto';
import { hash } from '@node-rs/argon2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Problem } from '@capstone/platform/problem';
import { AuthApp, bearing, hashesMade, secrets, somebody } from './auth-app.js';
import type { Person } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

const newPassword = 'purple tram at nineteen';

describe('a stored hash', () => {
  test('A-02 below the policy is stored anew by the sign-in that proves the password', async () => {
    const person = await t.signUp();
    await plant(person, { memoryCost: 12_288, timeCost: 1, parallelism: 1 });

    await expect(t.signIn({ ...person, password: 'not the password' })).rejects.toMatchObject({
      code: 'credentials-invalid',
    });
    expect(await storedHash(person)).toContain('$m=12288,t=1,p=1$');
    await t.signIn(person);

    const renewed = await storedHash(person);
    expect(renewed).toContain('$m=19456,t=2,p=1$');
    await t.signIn(person);
    expect(await storedHash(person)).toBe(renewed);
  });

  test('A-02 that asks for two gigabytes is refused without being computed, and operators are told', async () => {
    const person = await t.signUp();
    const stored = await storedHash(person);
    await store(person, stored.replace('m=19456', 'm=2097152'));
    const rssBefore = process.memoryUsage.rss();

    await expect(t.signIn(person)).rejects.toMatchObject({ code: 'credentials-invalid' });

    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(1024 ** 3);
    expect(t.logLines.join('')).toContain('outside the permitted bounds');
  });
});

describe('ChangePassword', () => {
  test('replaces the password, keeps this session and ends the others', async () => {
    const person = await t.signUp();
    const [here, elsewhere] = [await t.signIn(person), await t.signIn(person)];

    await change(here.accessToken, person.password, newPassword);

    await expect(t.signIn(person)).rejects.toMatchObject({ code: 'credentials-invalid' });
    expect((await t.signIn({ ...person, password: newPassword })).claims.sub).toBe(here.claims.sub);
    expect(await t.me(here.accessToken)).toMatchObject({ email: person.email });
    expect(await t.refresh(here.refreshToken)).toHaveProperty('accessToken');
    await expect(t.me(elsewhere.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.refresh(elsewhere.refreshToken)).rejects.toMatchObject({
      code: 'refresh-token-invalid',
    });
    const { revocations } = await t.as.api.revocations.listRevocations({});
    expect(revocations).toContainEqual(expect.objectContaining({ id: elsewhere.claims.sid }));
  });

  test('needs the password it replaces', async () => {
    const person = await t.signUp();
    const { accessToken } = await t.signIn(person);

    await expect(change(accessToken, 'not the password', newPassword)).rejects.toMatchObject({
      code: 'credentials-invalid',
    });
    await t.signIn(person);
  });

  test('A-12 needs a sign-in of the last five minutes', async () => {
    const person = await t.signUp();
    const { accessToken, claims } = await t.signIn(person);
    await t.query(
      `update auth.sessions set authenticated_at = now() - interval '301 s' where id = $1`,
      [claims.sid],
    );

    await expect(change(accessToken, person.password, newPassword)).rejects.toMatchObject({
      code: 'step-up-required',
    });
  });

  test('A-04 refuses a common one, and one about the person', async () => {
    const person = { ...somebody(), email: `grace.hopper.${Date.now()}@example.com` };
    await t.as.api.accounts.register({ ...person, name: 'Grace Hopper', source: undefined });
    const { accessToken } = await t.signIn(person);

    for (const predictable of [
      'password1234567',
      'Capstone2026!!',
      'hopper-1906!',
      'Gr4ce-2026!!',
    ]) {
      await expect(change(accessToken, person.password, predictable)).rejects.toMatchObject({
        code: 'password-unacceptable',
        errors: [{ pointer: '/newPassword' }],
      });
    }
    await t.signIn(person);
  });

  test.each([
    ['11 bytes', 'a b c d e f'],
    ['257 bytes', 'x'.repeat(257)],
  ])('A-03 refuses one of %s', async (_what, unfit) => {
    const person = await t.signUp();
    const { accessToken } = await t.signIn(person);

    await expect(change(accessToken, person.password, unfit)).rejects.toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/newPassword' }],
    });
  });
});

describe('where addresses must be verified', () => {
  let strict: AuthApp;
  beforeAll(async () => {
    strict = await AuthApp.start({ AUTH_REQUIRE_VERIFIED_EMAIL: 'true' });
  });
  afterAll(() => strict.stop());

  test('A-05 an unverified one is answered like a wrong password and an unknown one, after as much hashing', async () => {
    const unverified = await strict.signUp();
    const wrong = { ...(await verified()), password: 'not the password' };
    const hashes = { unverified: 0, wrong: 0, unknown: 0 };
    const answers = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      for (const [kind, person] of Object.entries({ unverified, wrong, unknown: somebody() })) {
        const before = await hashesMade();
        const problem = (await strict.signIn(person).catch((error: unknown) => error)) as Problem;
        hashes[kind as keyof typeof hashes] += (await hashesMade()) - before;
        answers.add(JSON.stringify([problem.toDocument({}), problem.toHeaders()]));
      }
    }

    expect(answers.size).toBe(1);
    expect(hashes).toEqual({ unverified: 5, wrong: 5, unknown: 5 });
  });

  test('a verified one signs in', async () => {
    expect((await strict.signIn(await verified())).claims.aal).toBe(1);
  });

  async function verified() {
    const person = await strict.signUp();
    await strict.query('update auth.users set email_verified_at = now() where email = $1', [
      person.email,
    ]);
    return person;
  }
});

function change(accessToken: string, currentPassword: string, replacement: string) {
  return t.as.api.accounts.changePassword(
    { currentPassword, newPassword: replacement, source: undefined },
    bearing(accessToken),
  );
}

/** As an older release with other parameters would have stored it. */
async function plant(
  person: Person,
  parameters: { memoryCost: number; timeCost: number; parallelism: number },
) {
  const pepper = Buffer.from(secrets.AUTH_PASSWORD_PEPPER, 'base64');
  const peppered = createHmac('sha256', pepper).update(person.password).digest('base64');
  await store(person, await hash(peppered, parameters));
}

async function store({ email }: Person, passwordHash: string) {
  await t.query(
    `update auth.credentials set password_hash = $2
      where user_id = (select id from auth.users where email = $1)`,
    [email, passwordHash],
  );
}

async function storedHash({ email }: Person) {
  const [row] = await t.query<{ stored: string }>(
    `select password_hash as stored from auth.credentials join auth.users on id = user_id
      where email = $1`,
    [email],
  );
  return row!.stored;
}
