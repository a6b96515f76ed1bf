import { SignJWT, generateKeyPair } from 'jose';
import { describe, expect, test } from 'vitest';
import { signAccessToken, verifyAccessToken } from './access-token.js';
import type { Grant } from './access-token.js';

const realm = { issuer: 'https://auth.capstone.internal', audience: 'capstone-api' };
const pair = await generateKeyPair('ES256', { extractable: true });
const key = { kid: 'k1', privateKey: pair.privateKey };
const grant: Grant = {
  userId: '01920000-0000-7000-8000-000000000001',
  id: '01920000-0000-7000-8000-000000000002',
  workspaceId: '01920000-0000-7000-8000-000000000003',
  role: 'viewer',
  epoch: 1_795_000_000_000,
  aal: 1,
  authTimeSeconds: 1_795_168_800,
  endsAtSeconds: Math.floor(Date.now() / 1_000) + 86_400,
};

function findKey(kid: string) {
  return kid === 'k1' ? pair.publicKey : undefined;
}

describe('an access token', () => {
  test('carries the claims of RFC 9068 and lives five minutes', async () => {
    const { accessToken: token, expiresIn } = await signAccessToken(grant, realm, key);
    const claims = (await verifyAccessToken(token, realm, findKey))!;

    expect(JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())).toEqual({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: 'k1',
    });
    expect(claims).toMatchObject({
      sub: grant.userId,
      sid: grant.id,
      wid: grant.workspaceId,
      role: 'viewer',
      epoch: 1_795_000_000_000,
      scope:
        'tasks:read documents:read search:read ask:read events:read account:read workspace:read members:read',
      aal: 1,
      auth_time: 1_795_168_800,
      client_id: 'capstone',
    });
    expect(claims.exp - claims.iat).toBe(300);
    expect(expiresIn).toBe(300);
  });

  test('ends with its session, however soon that is', async () => {
    const endsAtSeconds = Math.floor(Date.now() / 1_000) + 60;
    const { accessToken, expiresIn } = await signAccessToken(
      { ...grant, endsAtSeconds },
      realm,
      key,
    );

    expect((await verifyAccessToken(accessToken, realm, findKey))!.exp).toBe(endsAtSeconds);
    expect(expiresIn).toBeLessThanOrEqual(60);
  });

  test('of another issuer or audience is not one', async () => {
    const { accessToken: token } = await signAccessToken(grant, realm, key);

    expect(await verifyAccessToken(token, { ...realm, issuer: 'https://a.b' }, findKey)).toBe(
      undefined,
    );
    expect(await verifyAccessToken(token, { ...realm, audience: 'other' }, findKey)).toBe(
      undefined,
    );
  });

  test('with one character changed is not one', async () => {
    const { accessToken: token } = await signAccessToken(grant, realm, key);
    const payloadAt = token.indexOf('.') + 20;
    const changed = `${token.slice(0, payloadAt)}${token[payloadAt] === 'A' ? 'B' : 'A'}${token.slice(payloadAt + 1)}`;

    expect(await verifyAccessToken(changed, realm, findKey)).toBe(undefined);
  });

  test.each([
    ['expired', { header: {}, exp: -10 }],
    ['of another type', { header: { typ: 'JWT' }, exp: 300 }],
    ['signed with an unknown key', { header: { kid: 'k2' }, exp: 300 }],
    ['without a key id', { header: { kid: undefined }, exp: 300 }],
    ['with an unknown critical header', { header: { crit: ['exp'], exp: 1 }, exp: 300 }],
  ])('that is %s is not one', async (_what, { header, exp }) => {
    const token = await forge(header, { exp });

    expect(await verifyAccessToken(token, realm, findKey)).toBe(undefined);
  });

  test.each([
    ['lives longer than ours do', { iat: -600, exp: 3_600 }],
    ['names two audiences', { aud: ['capstone-api', 'other'] }],
    ['has no session', { sid: undefined }],
    ['has its time as text', { auth_time: 'now' }],
  ])('that %s is not one', async (_what, claims) => {
    expect(await verifyAccessToken(await forge({}, claims), realm, findKey)).toBe(undefined);
  });

  test('made like ours by hand verifies: the refusals above are for their reason alone', async () => {
    expect(await verifyAccessToken(await forge({}, {}), realm, findKey)).toMatchObject({
      sub: grant.userId,
    });
  });
});

async function forge(
  header: object,
  {
    iat = 0,
    exp = 300,
    ...claims
  }: Record<string, unknown> & {
    iat?: number;
    exp?: number;
  },
) {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({
    iss: realm.issuer,
    aud: realm.audience,
    sub: grant.userId,
    sid: grant.id,
    wid: grant.workspaceId,
    role: 'viewer',
    epoch: 1,
    scope: '',
    aal: 1,
    auth_time: now,
    client_id: 'capstone',
    jti: 'one',
    iat: now + iat,
    exp: now + exp,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', ...header })
    .sign(pair.privateKey, { crit: { exp: true } });
}
