import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Permission } from '@capstone/contracts/permissions';
import { RouteRegistry } from '../src/http/route-registry.js';
import { TestApi } from './api-app.js';

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, unknown>;
  readonly security?: unknown[];
  readonly parameters: { name: string; in: string; required: boolean }[];
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, unknown> };
}

let api: TestApi;
let document: OpenApi;
beforeAll(async () => {
  api = await TestApi.start();
  document = (await api.request<OpenApi>('GET', '/api/v1/openapi.json')).body;
});
afterAll(() => api.stop());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document) as never);

    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  test('refers to nothing that is not in it', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)];

    expect(references.length).toBeGreaterThan(50);
    for (const [, pointer = ''] of references) {
      const target = pointer
        .split('/')
        .slice(1)
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document);
      expect(target, pointer).toBeDefined();
    }
  });

  test('names each operation once', () => {
    const ids = operations().map(({ operation }) => operation.operationId);

    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('tasks_create');
  });

  test('says that PUT needs If-Match and that a POST may carry Idempotency-Key', () => {
    const put = document.paths['/api/v1/tasks/{id}']!.put!;

    expect(put.parameters).toContainEqual(
      expect.objectContaining({ name: 'If-Match', in: 'header', required: true }),
    );
    for (const { method, path, operation } of operations()) {
      const named = operation.parameters.some(({ name }) => name === 'Idempotency-Key');
      expect(named, path).toBe(method === 'post');
    }
  });
});

describe('every route', () => {
  test('has a policy, a schema for what it takes and sends, and an entry in the document', () => {
    const { routes } = api.app.nest.get(RouteRegistry);

    expect(routes.length).toBeGreaterThan(10);
    for (const { url, declaration } of routes) {
      const { access, method, answers, sends, documented, body } = declaration;
      const where = `${method} ${url}`;
      const known = ['public', 'signed-in', ...Permission.options];
      expect(known, where).toContain(access);

      const takesNothing = ['GET', 'DELETE'].includes(method) || isAction(url);
      // Removing a factor takes a code, so that DELETE has a body.
      if (method !== 'DELETE') expect(body === undefined, where).toBe(takesNothing);
      for (const [status, schema] of Object.entries(answers)) {
        expect(schema !== null || status === '204' || sends !== undefined, where).toBe(true);
      }

      const path = url.replaceAll(/:(\w+)/g, '{$1}');
      const entry = document.paths[path]?.[method.toLowerCase()];
      expect(entry !== undefined, where).toBe(documented !== false);
      if (entry) {
        expect(Object.keys(entry.responses), where).toContain('429');
        expect(entry.security !== undefined, where).toBe(access !== 'public');
      }
    }
  });

  test('that is not public refuses to answer without a token, and without the permission', async () => {
    const nobody = { authorization: `Bearer ${await api.auth.sign({ scope: '' })}` };

    for (const { url, declaration } of api.app.nest.get(RouteRegistry).routes) {
      const { access, method } = declaration;
      if (access === 'public') continue;
      const path = url.replaceAll(/:\w+/g, '0192f000-0000-7000-8000-000000000000');

      const unsigned = await api.request(method, path);
      expect(unsigned.status, `${method} ${url}`).toBe(401);
      if (access === 'signed-in') continue;
      const unpermitted = await api.request(method, path, { headers: nobody });
      expect(unpermitted.status, `${method} ${url}`).toBe(403);
    }
  });
});

/** POST …/{id}/reindex and the like say everything with their address. */
function isAction(url: string) {
  return /\/:id\/(reindex|cancel|restore|exports)$|\/logout$|\/mfa\/totp$/.test(url);
}

describe('the reader at /docs', () => {
  test('brings everything along and lets nothing else in', async () => {
    const page = await api.request('GET', '/docs');
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url);

    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.headers['content-security-policy']).toContain("connect-src 'self'");
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      expect(part).toMatch(/^\/docs\//);
      expect((await api.request('GET', part)).status).toBe(200);
    }
  });

  test.each(['index.html', '..%2fpackage.json', 'constructor', 'swagger-ui.js.map'])(
    'has no part named %s',
    async (part) => {
      expect((await api.request('GET', `/docs/${part}`)).status).toBe(404);
    },
  );
});
