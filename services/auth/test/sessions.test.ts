import { SignJWT, generateKeyPair } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp, bearing } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

describe('GetMe', () => {
  test('tells who is signed in, where and with which rights', async () => {
    const { accessToken, claims, email, workspace } = await t.signIn();

    expect(await t.me(accessToken)).toEqual({
      userId: claims.sub,
      email,
      name: undefined,
      emailVerified: false,
      workspace,
      scopes: claims.scope.split(' '),
      aal: 1,
    });
  });

  test('refuses the token of who is no member any more', async () => {
    const { accessToken, claims } = await t.signIn();
    await t.query('delete from auth.memberships where user_id = $1', [claims.sub]);

    await expect(t.me(accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
  });
});

describe('Logout', () => {
  test('T-04 ends the session: its access token counts no more', async () => {
    const { accessToken, claims } = await t.signIn();
    expect(await t.logout(accessToken)).toEqual({});

    await expect(t.me(accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.logout(accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    expect(
      await t.query(
        'select revoke_reason, revoked_at is not null as revoked from auth.sessions where id = $1',
        [claims.sid],
      ),
    ).toEqual([{ revoke_reason: 'logout', revoked: true }]);
  });

  test('leaves the other sessions of the user alone', async () => {
    const person = await t.signUp();
    const [here, there] = [await t.signIn(person), await t.signIn(person)];
    await t.logout(here.accessToken);

    expect(await t.me(there.accessToken)).toMatchObject({ email: person.email });
  });
});

describe.each(['getMe', 'logout'] as const)('%s', (method) => {
  test('needs the access token of a person: the certificate of api is not enough', async () => {
    await expect(t.as.api.sessions[method]({})).rejects.toMatchObject({ code: 'token-missing' });
  });

  test.each(['', 'Bearer', 'Basic YWRhOnB3', 'Bearer a b', 'Bearer not.a.token'])(
    'refuses the authorization %j',
    async (authorization) => {
      const call = t.as.api.sessions[method]({}, { metadata: { authorization } });

      await expect(call).rejects.toMatchObject({ code: 'token-invalid' });
    },
  );

  test('T-03 refuses a refresh token', async () => {
    const { refreshToken } = await t.signIn();

    await expectInvalid(refreshToken);
  });

  test('T-02 refuses a token with another signature, another header or another claim', async () => {
    const { accessToken } = await t.signIn();
    const [header, claims, signature] = accessToken.split('.') as [string, string, string];
    const admin = { ...decode(claims), role: 'owner', wid: uuidv7() };

    await expectInvalid([header, claims, `${signature.slice(0, -4)}AAAA`].join('.'));
    await expectInvalid([header, encode(admin), signature].join('.'));
    await expectInvalid([encode({ ...decode(header), alg: 'none' }), claims, ''].join('.'));
    await expectInvalid([encode({ ...decode(header), alg: 'HS256' }), claims, signature].join('.'));
  });

  test('T-02 refuses a token that is expired, of another audience, issuer or type, or signed by another key', async () => {
    const { accessToken } = await t.signIn();
    const genuine = decode(accessToken.split('.')[1]!);
    const header = decode(accessToken.split('.')[0]!);
    const { privateKey } = await generateKeyPair('ES256');
    const forged = (claims: object, more: object = {}) =>
      new SignJWT({ ...genuine, ...claims })
        .setProtectedHeader({ ...header, alg: 'ES256', ...more })
        .sign(privateKey);

    await expectInvalid(await forged({}));
    await expectInvalid(await forged({}, { kid: 'another' }));
    await expectInvalid(await forged({ exp: Math.floor(Date.now() / 1_000) - 60 }));
    await expectInvalid(await forged({ aud: 'another' }));
    await expectInvalid(await forged({}, { typ: 'JWT' }));
  });

  test('T-02 refuses a genuine token that was made for another audience', async () => {
    const person = await t.signUp();
    const elsewhere = await t.startAnother({ AUTH_AUDIENCE: 'another' });
    const { tokens } = await elsewhere.accounts.login({
      ...person,
      workspaceId: undefined,
      source: undefined,
    });

    expect(await elsewhere.sessions.getMe({}, bearing(tokens!.accessToken))).toMatchObject({
      email: person.email,
    });
    await expectInvalid(tokens!.accessToken);
  });

  async function expectInvalid(token: string) {
    await expect(t.as.api.sessions[method]({}, bearing(token))).rejects.toMatchObject({
      code: 'token-invalid',
    });
  }
});

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
