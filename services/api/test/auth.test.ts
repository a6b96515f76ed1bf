import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rightPassword } from './fake-auth.js';
import { TestApi } from './api-app.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(() => void (api.auth.requests.length = 0));

const post = (path: string, body?: unknown) =>
  api.request('POST', `/api/v1/auth/${path}`, {
    body,
    headers: { 'user-agent': 'a browser' },
  });

const account = { email: ' Ada@Example.com ', password: rightPassword };

describe('POST /api/v1/auth/register', () => {
  test('hands the account to auth and says nothing about it', async () => {
    const answer = await post('register', { ...account, name: 'Ada' });

    expect(answer).toMatchObject({ status: 202, body: { status: 'accepted' } });
    expect(api.auth.requests).toMatchObject([
      {
        method: 'register',
        request: {
          email: 'ada@example.com',
          password: rightPassword,
          name: 'Ada',
          source: { address: '127.0.0.1', userAgent: 'a browser' },
        },
      },
    ]);
  });

  test.each([
    ['no body', undefined, ''],
    ['no address', { password: rightPassword }, '/email'],
    ['an address that is none', { ...account, email: 'ada' }, '/email'],
    ['a short password', { ...account, password: 'short' }, '/password'],
    ['a long password', { ...account, password: 'x'.repeat(257) }, '/password'],
    ['a role', { ...account, role: 'admin' }, '/role'],
  ])('refuses %s and does not ask auth', async (_, body, pointer) => {
    const refused = await post('register', body);

    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'validation-failed', errors: [{ pointer }] },
    });
    expect(refused.text).not.toContain(rightPassword);
    expect(api.auth.requests).toEqual([]);
  });
});

describe('POST /api/v1/auth/login', () => {
  test('T-20 answers with tokens that nobody may store', async () => {
    const answer = await post('login', account);

    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'authenticated',
        tokenType: 'Bearer',
        accessToken: 'not.looked.at',
        expiresIn: 300,
        refreshToken: 'cap_rt_next',
        workspace: { name: 'Ada', role: 'owner' },
      },
    });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('A-08 makes the device known with a cookie that no script and no other host sees', async () => {
    const answer = await post('login', account);
    const [device = '', ...attributes] = answer.headers['set-cookie']!.split('; ');

    expect(device).toBe('__Host-capstone-device=cap_dev_x');
    expect(attributes).toEqual(
      expect.arrayContaining(['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict']),
    );
    await api.request('POST', '/api/v1/auth/login', {
      body: account,
      headers: { cookie: `a=b; ${device}; c=d` },
    });
    expect(api.auth.requests.at(-1)).toMatchObject({ request: { deviceToken: 'cap_dev_x' } });
  });

  test.each([
    ['twice', '__Host-capstone-device=a; __Host-capstone-device=b'],
    ['under another name', 'capstone-device=a; x__Host-capstone-device=b'],
    ['too long', `__Host-capstone-device=${'a'.repeat(201)}`],
  ])('takes no device that comes %s', async (_what, cookie) => {
    await api.request('POST', '/api/v1/auth/login', { body: account, headers: { cookie } });

    expect(api.auth.requests.at(-1)).toHaveProperty('request.deviceToken', undefined);
  });

  test('passes on that the credentials are wrong', async () => {
    const refused = await post('login', { ...account, password: 'not it' });

    expect(refused).toMatchObject({ status: 401, body: { code: 'credentials-invalid' } });
  });
});

describe('POST /api/v1/auth/refresh', () => {
  test('T-20 exchanges the token, and nobody may store the answer', async () => {
    const answer = await post('refresh', { refreshToken: 'cap_rt_good' });

    expect(answer).toMatchObject({ status: 200, body: { refreshToken: 'cap_rt_next' } });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('passes on that the token is not valid', async () => {
    const refused = await post('refresh', { refreshToken: 'cap_rt_bad' });

    expect(refused).toMatchObject({ status: 401, body: { code: 'refresh-token-invalid' } });
  });
});

describe('POST /api/v1/auth/logout', () => {
  test('lets auth end the session that the token names', async () => {
    const ada = await api.signIn();

    const answer = await ada.post('/api/v1/auth/logout');

    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(api.auth.requests).toMatchObject([
      { method: 'logout', metadata: { authorization: `Bearer ${ada.token}` } },
    ]);
  });

  test('needs a token', async () => {
    expect(await post('logout')).toMatchObject({ status: 401, body: { code: 'token-missing' } });
    expect(api.auth.requests).toEqual([]);
  });
});

describe('GET /api/v1/auth/me', () => {
  test('tells who the caller is', async () => {
    const ada = await api.signIn();

    const answer = await ada.get('/api/v1/auth/me');

    expect(answer).toMatchObject({
      status: 200,
      body: { user: { email: 'ada@example.com' }, workspace: { name: 'Ada' }, role: 'owner' },
    });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('needs a token', async () => {
    expect(await api.request('GET', '/api/v1/auth/me')).toMatchObject({ status: 401 });
  });
});

test('without auth signing in is not possible, and everything else is', async () => {
  const lonely = await TestApi.start();
  const ada = await lonely.signIn();
  await lonely.auth.stop();

  const login = await lonely.request('POST', '/api/v1/auth/login', { body: account });
  const tasks = await ada.get('/api/v1/tasks');
  await lonely.stop();

  expect(login).toMatchObject({ status: 503, body: { code: 'dependency-unavailable' } });
  expect(tasks.status).toBe(200);
});
