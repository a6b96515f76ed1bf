import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CACHE_REDIS } from '../src/connections/tokens.js';
import { TestApi } from './api-app.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start({ RATE_LIMIT_CALLER: '5/60', RATE_LIMIT_SIGN_IN: '3/60' });
});
afterAll(() => api.stop());

const login = (address = '127.0.0.1') =>
  api.request('POST', '/api/v1/auth/login', {
    body: { email: 'ada@example.com', password: 'wrong password' },
    headers: { 'x-forwarded-for': address },
  });

describe('the allowance of a caller', () => {
  test('is told with each answer, and refuses when it is used up', async () => {
    const ada = await api.signIn();

    const answers = [];
    for (let at = 0; at < 6; at += 1) answers.push(await ada.get('/api/v1/tasks'));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(answers[0]?.headers['ratelimit-policy']).toBe('"caller";q=5;w=60');
    expect(answers.map(({ headers }) => headers.ratelimit?.split(';')[1])).toEqual([
      'r=4',
      'r=3',
      'r=2',
      'r=1',
      'r=0',
      'r=0',
    ]);
    expect(answers[5]).toMatchObject({ body: { code: 'rate-limited' } });
    expect(Number(answers[5]?.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(answers[5]?.headers['retry-after'])).toBeLessThanOrEqual(12);
  });

  test('is not used up by others', async () => {
    const ada = await api.signIn();
    const bob = await api.signIn({ workspaceId: ada.workspaceId });
    for (let at = 0; at < 6; at += 1) await ada.get('/api/v1/tasks');

    expect((await bob.get('/api/v1/tasks')).status).toBe(200);
  });

  test('lets no more pass when requests come at once', async () => {
    const ada = await api.signIn();

    const answers = await Promise.all(Array.from({ length: 20 }, () => ada.get('/api/v1/auth/me')));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  });
});

describe('the allowance of a source', () => {
  test('A-08 slows down guessing, whatever the client says about its address', async () => {
    const statuses = [];
    for (let at = 0; at < 4; at += 1) statuses.push((await login(`10.0.0.${at}`)).status);

    expect(statuses).toEqual([401, 401, 401, 429]);
  });
});

describe('A-08 behind a proxy of ours', () => {
  test('auth is told the address the proxy saw, whatever the client wrote before it', async () => {
    const proxied = await TestApi.start({
      HTTP_TRUSTED_PROXY_HOPS: '1',
      HTTP_TRUSTED_PROXY_NETWORKS: '127.0.0.0/8',
    });
    const addresses = [];
    for (const forwarded of [
      '203.0.113.7',
      '6.6.6.6, 203.0.113.7',
      '1.1.1.1, 2.2.2.2, 203.0.113.7',
    ]) {
      await proxied.request('POST', '/api/v1/auth/login', {
        body: { email: 'ada@example.com', password: 'wrong password' },
        headers: { 'x-forwarded-for': forwarded, forwarded: 'for=9.9.9.9', 'x-real-ip': '9.9.9.9' },
      });
      const [{ request }] = proxied.auth.requests.slice(-1) as [
        { request: { source: { address: string } } },
      ];
      addresses.push(request.source.address);
    }
    await proxied.stop();

    expect(addresses).toEqual(['203.0.113.7', '203.0.113.7', '203.0.113.7']);
  });
});

describe('without Redis', () => {
  test('each process counts for itself, and still refuses', async () => {
    const alone = await TestApi.start({ RATE_LIMIT_CALLER: '4/60', RATE_LIMIT_REPLICAS: '2' });
    const ada = await alone.signIn();
    alone.app.nest.get<Redis>(CACHE_REDIS).disconnect();

    const answers = [];
    for (let at = 0; at < 3; at += 1) answers.push(await ada.get('/api/v1/tasks'));
    await alone.stop();

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
  });
});
