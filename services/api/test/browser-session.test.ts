import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestApi } from './api-app.js';
import { rightPassword } from './fake-auth.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(() => void (api.auth.requests.length = 0));

/** What a browser says about a page of our own; the host is the one inject asks. */
const ownPage = {
  'capstone-session': 'cookie',
  host: 'capstone.example',
  origin: 'https://capstone.example',
  'sec-fetch-site': 'same-origin',
};
const account = { email: 'ada@example.com', password: rightPassword };
const cookie = '__Host-capstone-refresh=cap_rt_good';

const post = (path: string, body: unknown, headers: Record<string, string>, to = api) =>
  to.request('POST', `/api/v1/auth/${path}`, { body, headers });

const setCookies = (answer: { headers: Readonly<Record<string, unknown>> }) =>
  [answer.headers['set-cookie'] ?? []].flat() as string[];
const refreshCookie = (answer: { headers: Readonly<Record<string, unknown>> }) =>
  setCookies(answer).find((each) => each.startsWith('__Host-capstone-refresh='));

describe('a page in a browser', () => {
  test('gets its refresh token in a cookie that no script and no other host sees, and nowhere else', async () => {
    const answer = await post('login', account, ownPage);
    const [pair, ...attributes] = refreshCookie(answer)!.split('; ');

    expect(answer).toMatchObject({ status: 200, body: { status: 'authenticated' } });
    expect(answer.body).not.toHaveProperty('refreshToken');
    expect(answer.text).not.toContain('cap_rt_');
    expect(pair).toBe('__Host-capstone-refresh=cap_rt_next');
    expect(attributes.toSorted()).toEqual(
      ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict', 'Max-Age=604800'].toSorted(),
    );
    expect(setCookies(answer)).toHaveLength(2);
  });

  test('refreshes with the cookie alone and gets the successor in it', async () => {
    const answer = await post('refresh', {}, { ...ownPage, cookie });

    expect(answer).toMatchObject({ status: 200, body: { accessToken: 'not.looked.at' } });
    expect(answer.body).not.toHaveProperty('refreshToken');
    expect(refreshCookie(answer)).toContain('=cap_rt_next;');
    expect(api.auth.requests).toMatchObject([{ request: { refreshToken: 'cap_rt_good' } }]);
  });

  test.each([
    ['mfa/verify', { challengeId: 'cap_mfa_x', method: 'totp', code: '123456' }],
    ['step-up', { password: rightPassword }],
  ])('gets no refresh token from %s either', async (path, body) => {
    const { authorization } = (await api.signIn()).authorization;
    const answer = await post(path, body, { ...ownPage, authorization });

    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('cap_rt_');
    expect(refreshCookie(answer)).toContain('=cap_rt_next;');
  });

  test('M-04 gets no cookie while a second factor is missing', async () => {
    const answer = await post('login', { ...account, email: 'mfa@example.com' }, ownPage);

    expect(answer).toMatchObject({ status: 200, body: { status: 'mfa_required' } });
    expect(setCookies(answer)).toEqual([]);
  });

  test('loses the cookie with its session: at sign-out, and when it counts no more', async () => {
    const ada = await api.signIn();
    const signedOut = await ada.post('/api/v1/auth/logout', undefined, { ...ownPage, cookie });
    const stale = { ...ownPage, cookie: '__Host-capstone-refresh=cap_rt_bad' };
    const refused = await post('refresh', {}, stale);

    expect(signedOut.status).toBe(204);
    expect(refused).toMatchObject({ status: 401, body: { code: 'refresh-token-invalid' } });
    for (const answer of [signedOut, refused]) {
      expect(refreshCookie(answer)).toMatch(/^__Host-capstone-refresh=; .*Max-Age=0$/);
    }
  });

  test.each([
    ['of another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['of a sister host', { origin: 'https://b.capstone.example', 'sec-fetch-site': 'same-site' }],
    ['that lies about its origin', { 'sec-fetch-site': 'cross-site' }],
    ['without an origin', { origin: undefined }],
    ['in a sandbox', { origin: 'null' }],
    ['on another port', { origin: 'https://capstone.example:8443' }],
  ])('%s is refused before auth is asked', async (_what, differently) => {
    const headers = Object.fromEntries(
      Object.entries({ ...ownPage, cookie, ...differently }).filter(([, value]) => value),
    ) as Record<string, string>;

    for (const [path, body] of [
      ['login', account],
      ['refresh', {}],
    ] as const) {
      const refused = await post(path, body, headers);
      expect(refused).toMatchObject({ status: 403, body: { code: 'origin-denied' } });
      expect(setCookies(refused)).toEqual([]);
    }
    expect(api.auth.requests).toEqual([]);
  });

  test('may live at an origin of its own that is listed, and then only there', async () => {
    const listed = await TestApi.start({ HTTP_BROWSER_ORIGINS: 'https://app.example' });
    const there = { ...ownPage, origin: 'https://app.example', 'sec-fetch-site': 'same-site' };

    const answers = [
      await post('login', account, there, listed),
      await post('login', account, ownPage, listed),
    ];
    await listed.stop();

    expect(answers.map(({ status }) => status)).toEqual([200, 403]);
  });
});

describe('every other client', () => {
  test('gets its refresh token in the body, and no cookie for it', async () => {
    const answer = await post('login', account, {});

    expect(answer.body).toMatchObject({ refreshToken: 'cap_rt_next' });
    expect(refreshCookie(answer)).toBeUndefined();
  });

  test('cannot use a cookie: without the header it counts for nothing', async () => {
    const { 'capstone-session': _, ...withoutHeader } = ownPage;
    const refused = await post('refresh', {}, { ...withoutHeader, cookie });

    expect(refused).toMatchObject({ status: 401, body: { code: 'refresh-token-invalid' } });
    expect(api.auth.requests).toEqual([]);
  });

  test('is not signed in by a cookie', async () => {
    expect(await api.request('GET', '/api/v1/auth/me', { headers: { cookie } })).toMatchObject({
      status: 401,
      body: { code: 'token-missing' },
    });
  });
});
