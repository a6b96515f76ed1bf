import 'reflect-metadata';
import { connect } from 'node:net';
import { ProblemDocument } from '@capstone/contracts/problem-document';
import { Health } from '@capstone/platform/health';
import { createHttpApp } from '@capstone/platform/http-app';
import type { HttpApp, HttpAppOptions } from '@capstone/platform/http-app';
import { becomeStream } from '@capstone/platform/http-edge';
import { createLogger } from '@capstone/platform/log';
import { scrape } from '@capstone/platform/metric-registry';
import { Problem } from '@capstone/platform/problem';
import type { Service } from '@capstone/platform/service';
import { currentTraceId } from '@capstone/platform/tracing';
import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  Module,
  Param,
  Post,
  Query,
  Req,
} from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import type { FastifyRequest, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';

const CreateThing = z.strictObject({
  title: z.string().min(1),
  labels: z.array(z.string()).optional(),
});
const Paging = z.strictObject({ limit: z.coerce.number().max(100).optional() });

let hold: Promise<void> = Promise.resolve();
let entered = 0;

@Controller('things')
class ThingsController {
  @Post()
  create(@Body({ schema: CreateThing }) thing: z.infer<typeof CreateThing>) {
    return { ...thing, traceId: currentTraceId() };
  }

  @Get()
  list(@Query({ schema: Paging }) paging: z.infer<typeof Paging>) {
    return paging;
  }

  @Get('slow')
  async slow(@Req() request: FastifyRequest) {
    if (request.url.endsWith('?stream')) becomeStream(request);
    entered++;
    await hold;
    return { traceId: currentTraceId() };
  }

  @Get('caller')
  caller(@Req() request: FastifyRequest) {
    return { ip: request.ip };
  }

  @Get('cached')
  @Header('cache-control', 'public, max-age=60')
  cached() {
    return {};
  }

  @Get('faults/:kind')
  fail(@Param('kind') kind: string) {
    if (kind === 'problem') throw new Problem('conflict', { detail: 'twice' });
    if (kind === 'busy') throw new Problem('rate-limited', { retryAfterSeconds: 3 });
    if (kind === 'challenge') {
      throw new Problem('token-missing', { headers: { 'www-authenticate': 'Bearer' } });
    }
    if (kind === 'nest') throw new ForbiddenException('inside detail');
    if (kind === 'nest-400') throw new BadRequestException('inside detail');
    throw new Error('select failed at db.internal', { cause: new Error('root cause') });
  }

  @Delete(':id')
  @HttpCode(204)
  remove() {}
}

let teardown: Promise<void> = Promise.resolve();

@Module({ controllers: [ThingsController] })
class ThingsModule implements OnModuleDestroy {
  onModuleDestroy() {
    return teardown;
  }
}

const logged: string[] = [];
const logger = createLogger({
  service: 'api',
  level: 'info',
  destination: { write: (line) => void logged.push(line) },
});
const apps: HttpApp[] = [];

async function start(options: HttpAppOptions = {}): Promise<HttpApp> {
  const service: Service = {
    name: 'api',
    config: {} as Service['config'],
    logger,
    health: new Health(),
    stopping: new AbortController().signal,
  };
  const app = await createHttpApp(ThingsModule, service, options);
  apps.push(app);
  return app;
}

let app: HttpApp;
let port: number;

beforeAll(async () => {
  app = await start({ bodyLimitBytes: 10_000 });
  port = await app.listen('127.0.0.1', 0);
});
afterEach(() => {
  logged.length = 0;
  entered = 0;
  hold = Promise.resolve();
});
afterAll(() => Promise.all(apps.map((one) => one.close())));

const inject = (options: InjectOptions) => app.fastify.inject(options);
const post = (payload: string, contentType = 'application/json') =>
  inject({ method: 'POST', url: '/things', payload, headers: { 'content-type': contentType } });

function problemIn(response: LightMyRequestResponse) {
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const document = ProblemDocument.parse(response.json());
  expect(document.status).toBe(response.statusCode);
  return document;
}

describe('a fault becomes a problem document', () => {
  test('what the code threw, with its address and trace', async () => {
    const response = await inject({ url: '/things/faults/problem?token=x' });
    expect(problemIn(response)).toEqual({
      type: 'urn:capstone:problem:conflict',
      title: 'Something changed meanwhile',
      status: 409,
      detail: 'twice',
      instance: '/things/faults/problem',
      code: 'conflict',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test('with the headers it asks for', async () => {
    const busy = await inject({ url: '/things/faults/busy' });
    expect(problemIn(busy).code).toBe('rate-limited');
    expect(busy.headers['retry-after']).toBe('3');

    const challenge = await inject({ url: '/things/faults/challenge' });
    expect(challenge.headers['www-authenticate']).toBe('Bearer');
  });

  test('what nobody expected, without a word from inside, logged once with its causes', async () => {
    const response = await inject({ url: '/things/faults/bug' });
    const document = problemIn(response);
    expect(document).toMatchObject({ status: 500, code: 'internal' });
    expect(response.body).not.toMatch(/db\.internal|root cause|at .*\.ts/);

    const faults = logged.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error');
    expect(faults).toMatchObject([
      {
        traceId: document.traceId,
        err: { message: 'select failed at db.internal', cause: { message: 'root cause' } },
      },
    ]);
  });

  test('Nest’s own exceptions, without their texts', async () => {
    const forbidden = await inject({ url: '/things/faults/nest' });
    expect(problemIn(forbidden)).toMatchObject({ status: 403, code: 'permission-denied' });
    const bad = await inject({ url: '/things/faults/nest-400' });
    expect(problemIn(bad)).toMatchObject({ status: 400, code: 'malformed-request' });
    expect(forbidden.body + bad.body).not.toContain('inside');
  });

  test('faults of a body and of a query, each with its pointer', async () => {
    const body = problemIn(await post('{"title":"","labels":[1],"ownerId":"x"}'));
    expect(body).toMatchObject({ status: 422, code: 'validation-failed' });
    expect(body.errors?.map(({ pointer }) => pointer).toSorted()).toEqual([
      '/labels/0',
      '/ownerId',
      '/title',
    ]);

    const query = problemIn(await inject({ url: '/things?limit=1000&offset=1' }));
    expect(query.errors?.map(({ pointer }) => pointer).toSorted()).toEqual(['/limit', '/offset']);
  });

  test('an address that is not there, a method it does not take', async () => {
    expect(problemIn(await inject({ url: '/nothing' }))).toMatchObject({
      status: 404,
      code: 'route-not-found',
    });
    expect(problemIn(await inject({ url: '/things/1/2/3/4' }))).toMatchObject({ status: 404 });

    const wrong = await inject({ method: 'PUT', url: '/things?x=1' });
    expect(problemIn(wrong)).toMatchObject({ status: 405, code: 'method-not-allowed' });
    expect(wrong.headers['allow']).toBe('GET, HEAD, POST');
    expect((await inject({ method: 'GET', url: '/things/1' })).headers['allow']).toBe('DELETE');
    const override = { 'x-http-method-override': 'DELETE' };
    expect((await inject({ method: 'POST', url: '/things/1', headers: override })).statusCode).toBe(
      405,
    );
  });
});

describe('a body', () => {
  test.each([
    ['malformed JSON', '{"title":"canary', 'application/json', 400, 'malformed-request'],
    ['no JSON at all', '', 'application/json', 400, 'malformed-request'],
    [
      'a __proto__ key',
      '{"title":"a","__proto__":{"x":1}}',
      'application/json',
      400,
      'malformed-request',
    ],
    [
      'a constructor.prototype',
      '{"constructor":{"prototype":{"x":1}}}',
      'application/json',
      400,
      'malformed-request',
    ],
    ['plain text', '{"title":"a"}', 'text/plain', 415, 'unsupported-media-type'],
    ['a form', 'title=a', 'application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
    ['XML', '<a/>', 'application/xml', 415, 'unsupported-media-type'],
    ['nonsense as type', '{"title":"a"}', 'json', 415, 'unsupported-media-type'],
    [
      'too many bytes',
      JSON.stringify({ title: 'a'.repeat(20_000) }),
      'application/json',
      413,
      'payload-too-large',
    ],
    [
      'too many levels',
      `{"title":${'['.repeat(40)}${']'.repeat(40)}}`,
      'application/json',
      422,
      'validation-failed',
    ],
    ['Infinity', '{"title":1e999}', 'application/json', 422, 'validation-failed'],
  ])('%s is refused', async (_what, payload, contentType, status, code) => {
    const response = await post(payload, contentType);
    expect(problemIn(response)).toMatchObject({ status, code });
    expect(response.body).not.toContain('canary');
  });

  test('of a +json type is JSON, and the handler is inside the trace after reading it', async () => {
    const response = await post('{"title":"a"}', 'application/merge-patch+json; charset=utf-8');
    expect(response.json()).toEqual({
      title: 'a',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test('sent in pieces over a real socket is still inside its trace', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const answer = await overSocket(port, [
      `POST /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\ntraceparent: 00-${traceId}-00f067aa0ba902b7-00\r\n` +
        'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"tit',
      'le":"a"}',
    ]);
    expect(answer).toContain(`{"title":"a","traceId":"${traceId}"}`);
  });
});

describe('every answer has the security headers', () => {
  const wanted = {
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
  };

  test.each<[string, InjectOptions, number]>([
    ['200', { url: '/things' }, 200],
    ['204', { method: 'DELETE', url: '/things/1' }, 204],
    ['400 for a path that cannot be decoded', { url: '/%ff' }, 400],
    ['404', { url: '/nothing' }, 404],
    ['405', { method: 'PUT', url: '/things' }, 405],
    ['409', { url: '/things/faults/problem' }, 409],
    ['414', { url: `/things?q=${'x'.repeat(5_000)}` }, 414],
    ['500', { url: '/things/faults/bug' }, 500],
  ])('%s', async (_what, request, status) => {
    const response = await inject(request);
    expect(response.statusCode).toBe(status);
    expect(response.headers).toMatchObject(wanted);
    expect(response.headers).not.toHaveProperty('server');
    expect(response.headers).not.toHaveProperty('x-powered-by');
    if (status >= 400) problemIn(response);
  });

  test('unless the handler knows better about caching', async () => {
    const response = await inject({ url: '/things/cached' });
    expect(response.headers['cache-control']).toBe('public, max-age=60');
  });

  test.each([
    ['bytes that are not HTTP', 'hello\r\n\r\n', 400],
    [
      'conflicting lengths',
      'POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'two lengths',
      'POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
    ],
    ['a bare line feed', 'GET /things HTTP/1.1\nHost: x\n\n', 400],
    [
      'headers too large',
      `GET /things HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(40_000)}\r\n\r\n`,
      431,
    ],
    [
      'two Host headers',
      'GET /things HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: close\r\n\r\n',
      400,
    ],
    [
      'an absolute target',
      'GET http://evil/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      400,
    ],
  ])('%s, over a raw socket', async (_what, bytes, status) => {
    const answer = await overSocket(port, [bytes]);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    for (const [name, value] of Object.entries(wanted))
      expect(answer).toContain(`${name}: ${value}`);
    expect(answer).toContain('application/problem+json');
  });

  test('headers that do not arrive in time', async () => {
    const impatient = await start({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const on = await impatient.listen('127.0.0.1', 0);
    const answer = await overSocket(on, ['GET /things HTTP/1.1\r\nHost: x\r\n']);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('"code":"request-timeout"');
  });

  test('a request without Host is refused', async () => {
    expect(await overSocket(port, ['GET /things HTTP/1.1\r\n\r\n'])).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe('a request', () => {
  test('is counted by its route template, never by its address', async () => {
    await inject({ method: 'DELETE', url: '/things/secret-id' });
    await inject({ url: '/scanner/path' });
    const { text } = await scrape();
    expect(text).toMatch(
      /http_request_duration_seconds_count\{route="\/things\/:id",method="DELETE",status="2xx"\} \d/,
    );
    expect(text).toMatch(/route="unknown",method="GET",status="4xx"/);
    expect(text).not.toMatch(/secret-id|scanner/);
  });

  test('writes one line, with its trace and without its address', async () => {
    await inject({ method: 'DELETE', url: '/things/secret-id?token=x' });
    expect(logged.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        level: 'info',
        msg: 'request',
        method: 'DELETE',
        route: '/things/:id',
        status: 204,
        durationMs: expect.any(Number),
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      }),
    ]);
    expect(logged.join('')).not.toContain('secret-id');
  });

  test('writes none when told so', async () => {
    const quiet = await start({ logRequests: false });
    await quiet.fastify.inject({ url: '/things' });
    expect(logged).toEqual([]);
  });
});

describe('the client’s address', () => {
  const forged = { 'x-forwarded-for': '6.6.6.6, 1.2.3.4' };
  const ipOf = async (one: HttpApp, remoteAddress: string) =>
    (await one.fastify.inject({ url: '/things/caller', headers: forged, remoteAddress })).json<{
      ip: string;
    }>().ip;

  test('is the peer’s when no proxy is expected', async () => {
    expect(await ipOf(app, '10.0.0.7')).toBe('10.0.0.7');
  });

  test('is read one hop back behind one proxy of ours, and never from a stranger', async () => {
    const proxied = await start({ trustedProxies: { hops: 1, networks: ['10.0.0.0/8'] } });
    expect(await ipOf(proxied, '10.0.0.7')).toBe('1.2.3.4');
    expect(await ipOf(proxied, '7.7.7.7')).toBe('7.7.7.7');
  });
});

describe('under load', () => {
  test('more requests than can be held are refused at once, and counted', async () => {
    const small = await start({ maxInFlight: 2 });
    const { promise, resolve: release } = Promise.withResolvers<void>();
    hold = promise;
    const held = [1, 2].map(() => small.fastify.inject({ url: '/things/slow' }));
    await vi.waitFor(() => expect(entered).toBe(2));

    const refused = await small.fastify.inject({ url: '/things' });
    expect(problemIn(refused)).toMatchObject({ status: 503, code: 'overloaded' });
    expect(refused.headers['retry-after']).toBe('1');

    release();
    expect((await Promise.all(held)).map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect((await small.fastify.inject({ url: '/things' })).statusCode).toBe(200);
    expect((await scrape()).text).toMatch(/http_requests_shed_total\{reason="in-flight"\} [1-9]/);
  });

  test('an open stream does not count', async () => {
    const small = await start({ maxInFlight: 1 });
    const { promise, resolve: release } = Promise.withResolvers<void>();
    hold = promise;
    const stream = small.fastify.inject({ url: '/things/slow?stream' });
    await vi.waitFor(() => expect(entered).toBe(1));

    expect((await small.fastify.inject({ url: '/things' })).statusCode).toBe(200);
    release();
    expect((await stream).statusCode).toBe(200);
    expect((await small.fastify.inject({ url: '/things' })).statusCode).toBe(200);
  });

  test('a late event loop refuses until it has caught up', async () => {
    const busy = await start({ maxEventLoopDelayMs: 20 });
    const blockedUntil = performance.now() + 200;
    while (performance.now() < blockedUntil);
    const refused = await vi.waitFor(async () => {
      const response = await busy.fastify.inject({ url: '/things' });
      expect(response.statusCode).toBe(503);
      return response;
    });
    expect(problemIn(refused).code).toBe('overloaded');
    await vi.waitFor(async () => {
      expect((await busy.fastify.inject({ url: '/things' })).statusCode).toBe(200);
    });
  });
});

describe('closing', () => {
  test('finishes what runs, tells its connection to close, and frees the port', async () => {
    const stopping = await start();
    const on = await stopping.listen('127.0.0.1', 0);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    hold = promise;
    const running = overSocket(on, ['GET /things/slow HTTP/1.1\r\nHost: x\r\n\r\n']);
    await vi.waitFor(() => expect(entered).toBe(1));

    const closed = stopping.close();
    release();
    expect(await running).toMatch(/^HTTP\/1.1 200 [^]*connection: close/);
    await closed;
    await expect(overSocket(on, ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'])).rejects.toThrow(
      /ECONNREFUSED/,
    );
  });

  test('cuts off what does not finish in time', async () => {
    const stopping = await start({ drainTimeoutMs: 50 });
    const on = await stopping.listen('127.0.0.1', 0);
    hold = new Promise(() => {});
    const stuck = overSocket(on, ['GET /things/slow HTTP/1.1\r\nHost: x\r\n\r\n']);
    await vi.waitFor(() => expect(entered).toBe(1));

    await stopping.close();
    expect(await stuck).toBe('');
  });

  test('refuses what comes while the modules stop', async () => {
    const stopping = await start();
    const { promise, resolve: release } = Promise.withResolvers<void>();
    teardown = promise;
    const closed = stopping.close();

    const refused = await stopping.fastify.inject({ url: '/things' });
    expect(problemIn(refused)).toMatchObject({ status: 503, code: 'shutting-down' });
    expect(refused.headers).toMatchObject({ connection: 'close', 'retry-after': '1' });
    release();
    await closed;
  });
});

test('a port in use is an error that names it', async () => {
  const second = await start();
  await expect(second.listen('127.0.0.1', port)).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port,
  });
});

async function overSocket(on: number, pieces: readonly string[]): Promise<string> {
  const socket = connect(on, '127.0.0.1');
  socket.setNoDelay(true);
  for (const piece of pieces) {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.write(piece, () => setImmediate(resolve));
    });
  }
  return read(socket);
}

function read(socket: ReturnType<typeof connect>): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    socket.on('data', (bytes) => (answer += String(bytes)));
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}
