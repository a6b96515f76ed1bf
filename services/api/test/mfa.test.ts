import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RouteRegistry } from '../src/http/route-registry.js';
import { TestApi } from './api-app.js';
import { rightPassword } from './fake-auth.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(() => void (api.auth.requests.length = 0));

const seconds = () => Math.floor(Date.now() / 1_000);

/** Signed in `ago` seconds before now. */
async function signedIn(ago: number) {
  const authorization = `Bearer ${await api.auth.sign({ auth_time: seconds() - ago })}`;
  return (method: 'POST' | 'DELETE', path: string, body?: unknown) =>
    api.request(method, `/api/v1/auth/${path}`, { headers: { authorization }, body });
}

const post = (path: string, body: unknown) => api.request('POST', `/api/v1/auth/${path}`, { body });

describe('POST /api/v1/auth/login', () => {
  test('M-04 answers with a challenge and no token where there is a second factor', async () => {
    const answer = await post('login', { email: 'mfa@example.com', password: rightPassword });

    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toEqual({
      status: 'mfa_required',
      challengeId: 'cap_mfa_x',
      methods: ['totp', 'recovery_code'],
    });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});

describe('POST /api/v1/auth/mfa/verify', () => {
  const attempt = { challengeId: 'cap_mfa_x', method: 'totp', code: '123 456' };

  test('exchanges challenge and code for tokens', async () => {
    const answer = await post('mfa/verify', attempt);

    expect(answer).toMatchObject({ status: 200, body: { status: 'authenticated' } });
    expect(answer.headers['set-cookie']).toContain('__Host-capstone-device=cap_dev_y');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(api.auth.requests).toMatchObject([
      { method: 'verifyMfa', request: { ...attempt, code: '123456' } },
    ]);
  });

  test('passes on that the code is wrong, or that there were too many', async () => {
    const wrong = await post('mfa/verify', { ...attempt, code: '000000' });
    const locked = await post('mfa/verify', { ...attempt, code: '999999' });

    expect(wrong).toMatchObject({ status: 401, body: { code: 'mfa-code-invalid' } });
    expect(locked).toMatchObject({ status: 429, body: { code: 'mfa-locked' } });
    expect(locked.headers['retry-after']).toBe('900');
  });

  test.each([
    ['no challenge', { challengeId: '' }, '/challengeId'],
    ['an unknown method', { method: 'sms' }, '/method'],
    ['a short code', { code: '1' }, '/code'],
    ['a user', { userId: 'x' }, '/userId'],
  ])('refuses %s', async (_what, fields, pointer) => {
    expect(await post('mfa/verify', { ...attempt, ...fields })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer }] },
    });
    expect(api.auth.requests).toEqual([]);
  });
});

describe('an authenticator app', () => {
  test('is enrolled, confirmed and removed in the name of the caller', async () => {
    const send = await signedIn(10);

    expect(await send('POST', 'mfa/totp')).toMatchObject({
      status: 200,
      body: { secret: 'SECRET', otpauthUri: 'otpauth://totp/x', qrSvg: '<svg/>' },
    });
    expect(await send('POST', 'mfa/totp/confirm', { code: '123456' })).toMatchObject({
      status: 200,
      body: { recoveryCodes: ['AAAAAA-BBBBBB'] },
    });
    expect(await send('DELETE', 'mfa/totp', { code: '123456' })).toMatchObject({ status: 204 });
    expect(api.auth.requests).toMatchObject(
      ['enrolTotp', 'confirmTotp', 'removeTotp'].map((method) => ({
        method,
        metadata: { authorization: expect.stringMatching(/^Bearer /) },
      })),
    );
  });

  test('is not removed by a wrong code', async () => {
    const send = await signedIn(10);

    expect(await send('DELETE', 'mfa/totp', { code: '000000' })).toMatchObject({
      status: 401,
      body: { code: 'mfa-code-invalid' },
    });
  });
});

describe('A-12 a route that needs a fresh sign-in', () => {
  test('tells a caller of ten minutes ago to prove again who they are, and does not ask auth', async () => {
    const { routes } = api.app.nest.get(RouteRegistry);
    const sensitive = routes.filter(({ declaration }) => declaration.freshSignIn);
    const authorization = `Bearer ${await api.auth.sign({ auth_time: seconds() - 600 })}`;

    expect(sensitive.length).toBeGreaterThan(2);
    for (const { url, declaration } of sensitive) {
      const refused = await api.request(declaration.method, url, {
        headers: { authorization },
        body: {},
      });
      expect(refused, url).toMatchObject({ status: 401, body: { code: 'step-up-required' } });
      expect(refused.headers['www-authenticate'], url).toBe(
        'Bearer error="insufficient_user_authentication", max_age="300"',
      );
    }
    expect(api.auth.requests).toEqual([]);
  });

  test('takes one of just now', async () => {
    const send = await signedIn(290);

    expect(await send('POST', 'mfa/totp')).toMatchObject({ status: 200 });
  });
});

describe('POST /api/v1/auth/password/change', () => {
  const passwords = { currentPassword: rightPassword, newPassword: 'purple tram at nineteen' };

  test('hands both passwords to auth in the name of the caller', async () => {
    const send = await signedIn(10);

    expect(await send('POST', 'password/change', passwords)).toMatchObject({ status: 204 });
    expect(api.auth.requests).toMatchObject([
      {
        method: 'changePassword',
        request: passwords,
        metadata: { authorization: expect.stringMatching(/^Bearer /) },
      },
    ]);
  });

  test('A-03 refuses a short one and does not repeat it', async () => {
    const send = await signedIn(10);
    const refused = await send('POST', 'password/change', { ...passwords, newPassword: 'short' });

    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/newPassword' }] } });
    expect(refused.text).not.toContain(rightPassword);
  });
});

describe('POST /api/v1/auth/step-up', () => {
  test('takes a sign-in of any age and the password, and answers like a login', async () => {
    const send = await signedIn(3_000);

    expect(await send('POST', 'step-up', { password: rightPassword })).toMatchObject({
      status: 200,
      body: { status: 'authenticated' },
    });
    expect(await send('POST', 'step-up', { password: 'not it' })).toMatchObject({
      status: 401,
      body: { code: 'credentials-invalid' },
    });
  });

  test('needs a token', async () => {
    expect(await post('step-up', { password: rightPassword })).toMatchObject({ status: 401 });
  });
});
