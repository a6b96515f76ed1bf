import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestApi, type Answer } from './api-app.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

describe('every answer', () => {
  test('carries the security headers and no name of a server', async () => {
    const ada = await api.signIn();
    const answers: Record<number, Answer> = {
      200: await ada.get('/api/v1/tasks'),
      400: await ada.post('/api/v1/tasks', '{"title":'),
      401: await api.request('GET', '/api/v1/tasks'),
      404: await ada.get('/nothing'),
      405: await ada.request('DELETE', '/api/v1/tasks'),
      413: await ada.post('/api/v1/tasks', { title: 'x'.repeat(2_000_000) }),
      415: await ada.post('/api/v1/tasks', 'title=x', { 'content-type': 'text/plain' }),
      422: await ada.post('/api/v1/tasks', {}),
    };

    for (const [status, { headers, ...answer }] of Object.entries(answers)) {
      expect(answer.status).toBe(Number(status));
      expect(headers).toMatchObject({
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      });
      expect(headers).not.toHaveProperty('server');
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      if (Number(status) >= 400) {
        expect(headers['content-type']).toContain('application/problem+json');
        expect(answer.body).toMatchObject({ status: Number(status) });
        expect(answer.body.traceId).toMatch(/^[0-9a-f]{32}$/);
      }
    }
  });
});

describe('an address', () => {
  test('says which methods it takes', async () => {
    const ada = await api.signIn();

    const list = await ada.request('PUT', '/api/v1/tasks');
    const item = await ada.request('POST', '/api/v1/tasks/1');

    expect(list).toMatchObject({ status: 405, body: { code: 'method-not-allowed' } });
    expect(list.headers.allow).toBe('GET, HEAD, POST');
    expect(item.headers.allow).toBe('DELETE, GET, HEAD, PATCH, PUT');
  });

  test('of nothing is 404, also under a path that is something', async () => {
    for (const path of ['/', '/api/v1', '/API/v1/tasks', '/api/v1/tasks//', '/metrics', '/.env']) {
      const answer = await api.request('GET', path);
      expect(answer).toMatchObject({ status: 404, body: { code: 'route-not-found' } });
    }
  });

  test('does not listen to method overrides', async () => {
    const ada = await api.signIn();
    const { headers } = await ada.post('/api/v1/tasks', { title: 'x' });

    await ada.get(headers.location!, { 'x-http-method-override': 'DELETE' });

    expect((await ada.get(headers.location!)).status).toBe(200);
  });

  test('answers HEAD as GET, without the body', async () => {
    const ada = await api.signIn();
    const { headers } = await ada.post('/api/v1/tasks', { title: 'x' });

    const head = await ada.request('HEAD', headers.location!);
    const events = await ada.request('HEAD', '/api/v1/events');

    expect(head).toMatchObject({ status: 200, text: '', headers: { etag: headers.etag } });
    expect(events).toMatchObject({ status: 200, text: '' });
  });
});

describe('a body', () => {
  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'of type %s is refused',
    async (contentType) => {
      const ada = await api.signIn();

      const refused = await ada.post('/api/v1/tasks', '{"title":"x"}', {
        'content-type': contentType,
      });

      expect(refused).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
    },
  );

  test.each([
    ['is cut short', '{"title":"x"', 400],
    ['is empty', '', 400],
    ['is deeply nested', `{"title":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 422],
    ['pollutes a prototype', '{"title":"x","__proto__":{"admin":true}}', 400],
    ['is a number', '1e999', 422],
  ])('that %s is refused', async (_, body, status) => {
    const ada = await api.signIn();

    const refused = await ada.post('/api/v1/tasks', body);

    expect(refused.status).toBe(status);
    expect(refused.body.code).toMatch(/malformed-request|validation-failed/);
  });
});
