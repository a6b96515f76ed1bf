import { X509Certificate } from 'node:crypto';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { connect as connectTls, createSecureContext } from 'node:tls';
import 'reflect-metadata';
import { KeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import type { GetJwksResponse } from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import { SessionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import type {
  GetMeResponse,
  RefreshRequest,
} from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { createAuthority, spiffeId } from '@capstone/local/certificates';
import { createGrpcApp } from '@capstone/platform/grpc-app';
import type { GrpcApp, GrpcAppOptions } from '@capstone/platform/grpc-app';
import { createGrpcClient, openGrpcChannel } from '@capstone/platform/grpc-client';
import type { GrpcChannel } from '@capstone/platform/grpc-client';
import { assertMatrixComplete, peerIdentity } from '@capstone/platform/grpc-guard';
import { Health } from '@capstone/platform/health';
import { createLogger } from '@capstone/platform/log';
import { Problem } from '@capstone/platform/problem';
import type { Service } from '@capstone/platform/service';
import { currentTraceId, openTrace, runInTrace } from '@capstone/platform/tracing';
import { ChannelCredentials, Client, Metadata, credentials, status } from '@grpc/grpc-js';
import type { ServerUnaryCall, ServiceError } from '@grpc/grpc-js';
import { Controller, Module } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { service as healthService } from 'grpc-health-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testAuthority } from './certificates.js';
import type { LeafOptions, TestAuthority } from './certificates.js';

/** What the handlers saw, and what they are to do. */
const seen: { traceId?: string | undefined; deadline?: unknown; authorization?: string } = {};
let answer: GetJwksResponse = { jwksJson: '{"keys":[]}' };
let work: () => Promise<void> | void = () => {};

@Controller()
class KeysGrpc {
  @GrpcMethod('KeysService', 'GetJwks')
  async getJwks(
    _request: unknown,
    metadata: Metadata,
    call: ServerUnaryCall<unknown, unknown>,
  ): Promise<GetJwksResponse> {
    seen.traceId = currentTraceId();
    seen.deadline = call.getDeadline();
    seen.authorization = String(metadata.get('authorization')[0]);
    await work();
    return answer;
  }
}

@Controller()
class SessionsGrpc {
  @GrpcMethod('SessionsService', 'Refresh')
  refresh({ refreshToken }: RefreshRequest) {
    throw new Problem('refresh-token-invalid', { detail: `not ${refreshToken.length} characters` });
  }

  @GrpcMethod('SessionsService', 'Logout')
  logout() {
    throw new Error('relation "auth.sessions" does not exist at db.internal');
  }

  @GrpcMethod('SessionsService', 'GetMe')
  getMe(): GetMeResponse {
    return {
      userId: 'u',
      email: 'a@b.c',
      name: undefined,
      emailVerified: true,
      aal: 1,
      scopes: [],
      workspace: { id: 'w', name: 'W', role: 'owner' },
    };
  }
}

@Module({ controllers: [KeysGrpc, SessionsGrpc] })
class AuthModule {}

@Module({ controllers: [KeysGrpc] })
class HalfModule {}

// Three methods are enough here, however many the service gets.
const sessionsServed = {
  refresh: SessionsServiceService.refresh,
  logout: SessionsServiceService.logout,
  getMe: SessionsServiceService.getMe,
};
const services = [KeysServiceService, sessionsServed];
const allow = {
  '/capstone.auth.v1.KeysService/GetJwks': ['api', 'worker'],
  '/capstone.auth.v1.SessionsService/Refresh': ['api'],
  '/capstone.auth.v1.SessionsService/Logout': ['api'],
  '/capstone.auth.v1.SessionsService/GetMe': ['api'],
  '/grpc.health.v1.Health/Check': ['api', 'worker'],
} as const;

const logged: string[] = [];
const logger = createLogger({
  service: 'auth',
  level: 'debug',
  destination: { write: (line) => void logged.push(line) },
});

let authority: TestAuthority;
let app: GrpcApp;
let port: number;
const closing: (() => unknown)[] = [];

function testService(): Service {
  const health = new Health();
  health.open();
  return {
    name: 'auth',
    config: {} as Service['config'],
    logger,
    health,
    stopping: new AbortController().signal,
  };
}

async function serve(as: string, options: Partial<GrpcAppOptions> & { leaf?: LeafOptions } = {}) {
  const tls = await authority.open(as, options.leaf);
  const served = await createGrpcApp(AuthModule, testService(), {
    host: '127.0.0.1',
    port: 0,
    services,
    allow,
    ...options,
    tls,
  });
  const on = await served.listen();
  closing.push(
    () => served.close(),
    () => tls.close(),
  );
  return { app: served, port: on, tls };
}

async function connect(
  as: string,
  options: { port?: number; leaf?: LeafOptions; deadlineMs?: number } = {},
) {
  const tls = await authority.open(as, options.leaf);
  return channelWith(tls, options);
}

function channelWith(
  tls: Awaited<ReturnType<TestAuthority['open']>>,
  options: { port?: number; deadlineMs?: number } = {},
) {
  const channel = openGrpcChannel({
    target: `localhost:${options.port ?? port}`,
    tls,
    server: 'auth',
    deadlineMs: options.deadlineMs ?? 2_000,
  });
  closing.push(
    () => channel.close(),
    () => tls.close(),
  );
  return channel;
}

const keysOf = (channel: GrpcChannel) =>
  createGrpcClient(KeysServiceService, channel, { idempotent: ['getJwks'] });
const sessionsOf = (channel: GrpcChannel) => createGrpcClient(SessionsServiceService, channel);

beforeAll(async () => {
  authority = await testAuthority();
  ({ app, port } = await serve('auth'));
});

afterAll(async () => {
  for (const close of closing.toReversed()) await close();
  await authority.remove();
});

describe('a call by who may', () => {
  test('reaches handlers of several services and files', async () => {
    const channel = await connect('api');
    expect(await keysOf(channel).getJwks({})).toEqual({ jwksJson: '{"keys":[]}' });
    expect(await sessionsOf(channel).getMe({})).toMatchObject({
      userId: 'u',
      workspace: { role: 'owner' },
    });
  });

  test('carries deadline, trace and metadata', async () => {
    const keys = keysOf(await connect('api'));
    const trace = openTrace('GET /', undefined);
    await runInTrace(trace, () =>
      keys.getJwks({}, { deadlineMs: 700, metadata: { authorization: 'Bearer x' } }),
    );
    expect(seen).toMatchObject({ traceId: trace.traceId, authorization: 'Bearer x' });
    const remaining = Number(seen.deadline) - Date.now();
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThanOrEqual(700);
  });

  test('ends with the Problem that the handler threw', async () => {
    const refresh = sessionsOf(await connect('api')).refresh({
      refreshToken: 'abc',
      source: undefined,
    });
    await expect(refresh).rejects.toMatchObject({
      name: 'Problem',
      code: 'refresh-token-invalid',
      detail: 'not 3 characters',
    });
  });

  test('learns nothing of an unexpected fault, which is logged once with its trace', async () => {
    logged.length = 0;
    const trace = openTrace('GET /', undefined);
    const channel = await connect('api');
    const failure = await runInTrace(trace, () => sessionsOf(channel).logout({})).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'internal', detail: undefined });
    expect(JSON.stringify(failure)).not.toContain('db.internal');

    const faults = logged.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error');
    expect(faults).toMatchObject([
      { traceId: trace.traceId, err: { message: expect.stringContaining('auth.sessions') } },
    ]);
  });

  test('whose answer does not fit its message is a fault that the log knows', async () => {
    logged.length = 0;
    const channel = await connect('api');
    answer = undefined as never;
    await expect(keysOf(channel).getJwks({})).rejects.toThrow(/INTERNAL/);
    answer = { jwksJson: '{"keys":[]}' };
    expect(logged.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'error', msg: 'answer does not fit its message' }),
    );
  });

  test('that takes too long ends at its deadline', async () => {
    work = () => new Promise(() => {});
    const call = keysOf(await connect('api')).getJwks({}, { deadlineMs: 50 });
    await expect(call).rejects.toMatchObject({ code: 'deadline-exceeded' });
    work = () => {};
  });

  test('can be given up by its caller', async () => {
    work = () => new Promise(() => {});
    const controller = new AbortController();
    const call = keysOf(await connect('api')).getJwks({}, { signal: controller.signal });
    await vi.waitFor(() => expect(seen.deadline).toBeDefined());
    controller.abort();
    await expect(call).rejects.toHaveProperty('name', 'AbortError');
    work = () => {};
  });

  test('is refused above the size limit', async () => {
    const sessions = sessionsOf(await connect('api'));
    const call = sessions.refresh({ refreshToken: 'x'.repeat(1_100_000), source: undefined });
    await expect(call).rejects.toThrow(/RESOURCE_EXHAUSTED/);
  });
});

describe('a call by who may not', () => {
  test('right identity, method of somebody else: denied', async () => {
    const channel = await connect('worker');
    await expect(sessionsOf(channel).getMe({})).rejects.toMatchObject({ code: 'peer-denied' });
    expect(await keysOf(channel).getJwks({})).toBeDefined();
  });

  test.each([
    ['right CA, an identity without any right', 'auth', {}],
    ['two URI names', 'api', { uris: [spiffeId('api'), spiffeId('worker')] }],
    ['no URI name, only CN and DNS', 'api', { uris: [] }],
    ['a foreign trust domain', 'api', { uris: ['spiffe://evil.internal/ns/local/sa/api'] }],
    ['another namespace', 'api', { uris: ['spiffe://capstone.internal/ns/other/sa/api'] }],
    ['an unknown workload', 'api', { uris: ['spiffe://capstone.internal/ns/local/sa/edge'] }],
  ])('%s: denied', async (_what, name, leaf) => {
    const { code, problem } = await rawCall(
      await rawCredentials(await authority.issue(name, leaf)),
    );
    expect({ code, problem }).toEqual({ code: status.PERMISSION_DENIED, problem: 'peer-denied' });
  });

  test('no certificate: refused in the handshake', async () => {
    const { ca } = await materialOf('api');
    expect(await rawCall(credentials.createSsl(ca))).toMatchObject({ code: status.UNAVAILABLE });
  });

  test('a certificate of another CA, whatever it names: refused in the handshake', async () => {
    const foreign = await testAuthority();
    const files = await foreign.issue('api', { trusts: authority.pair });
    expect(await rawCall(await rawCredentials(files))).toMatchObject({ code: status.UNAVAILABLE });
    await foreign.remove();
  });

  test('TLS 1.2: refused in the handshake', async () => {
    const { ca, cert, key } = await materialOf('api');
    const old = ChannelCredentials.createFromSecureContext(
      createSecureContext({ ca, cert, key, maxVersion: 'TLSv1.2' }),
    );
    expect(await rawCall(old)).toMatchObject({ code: status.UNAVAILABLE });
  });

  test('no TLS at all: refused', async () => {
    expect(await rawCall(credentials.createInsecure())).toMatchObject({ code: status.UNAVAILABLE });
  });

  test('is logged with who it was', async () => {
    logged.length = 0;
    await sessionsOf(await connect('worker'))
      .getMe({})
      .catch(() => {});
    expect(logged.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        peer: 'worker',
        method: '/capstone.auth.v1.SessionsService/GetMe',
      }),
    );
  });

  test('health answers only to who is in the matrix, and only Check exists', async () => {
    const check = healthService['Check']!;
    const allowed = await rawCall(
      await rawCredentials(await authority.issue('worker')),
      check.path,
    );
    const denied = await rawCall(await rawCredentials(await authority.issue('auth')), check.path);
    const other = await rawCall(
      await rawCredentials(await authority.issue('worker')),
      '/grpc.health.v1.Health/Watch',
    );
    expect([allowed.code, denied.code, other.code]).toEqual([
      status.OK,
      status.PERMISSION_DENIED,
      status.UNIMPLEMENTED,
    ]);
  });
});

describe('the client', () => {
  test('does not talk to a server that holds another workload’s certificate', async () => {
    const impostor = await serve('worker');
    const call = keysOf(await connect('api', { port: impostor.port })).getJwks(
      {},
      { deadlineMs: 500 },
    );
    await expect(call).rejects.toMatchObject({ code: 'dependency-unavailable' });
  });

  test('does not talk to a server of a CA it does not trust', async () => {
    const trusts = await createAuthority('another CA');
    const call = keysOf(await connect('api', { leaf: { trusts } })).getJwks(
      {},
      { deadlineMs: 500 },
    );
    await expect(call).rejects.toMatchObject({ code: 'dependency-unavailable' });
  });

  test('says dependency-unavailable where nobody listens, and retries only what is idempotent', async () => {
    const channel = await connect('api', { port: 1 });
    const started = performance.now();
    await expect(sessionsOf(channel).getMe({})).rejects.toMatchObject({
      code: 'dependency-unavailable',
    });
    const once = performance.now() - started;
    await expect(keysOf(channel).getJwks({})).rejects.toMatchObject({
      code: 'dependency-unavailable',
    });
    expect(performance.now() - started - once).toBeGreaterThan(100);
  });

  test('finds a server that comes up while it retries', async () => {
    const first = await serve('auth');
    await first.app.close();
    const keys = keysOf(await connect('api', { port: first.port }));
    const call = keys.getJwks({}, { deadlineMs: 5_000 });
    await serve('auth', { port: first.port });
    await expect(call).resolves.toBeDefined();
  });
});

describe('certificates that change', () => {
  test('no call fails while both ends renew theirs, and new connections use the new ones', async () => {
    const server = await serve('auth');
    const clientTls = await authority.open('api');
    const steady = keysOf(channelWith(clientTls, server));
    let calls = 0;
    const renewing = new AbortController();
    const load = (async () => {
      for (; !renewing.signal.aborted; calls++) {
        await steady.getJwks({});
        // A new connection each time, so that handshakes meet every state of the files.
        const channel = openGrpcChannel({
          target: `localhost:${server.port}`,
          tls: clientTls,
          server: 'auth',
        });
        await keysOf(channel).getJwks({});
        channel.close();
      }
    })();

    for (let round = 0; round < 3; round++) {
      const [before, clientBefore] = [server.tls.current, clientTls.current];
      await authority.issue('auth');
      await authority.issue('api');
      await vi.waitFor(() => {
        expect(server.tls.current).not.toBe(before);
        expect(clientTls.current).not.toBe(clientBefore);
      });
    }
    renewing.abort();
    await load;

    expect(calls).toBeGreaterThan(3);
    expect(await servedCertificate(server.port)).toEqual(server.tls.current.cert.toString().trim());
  });

  test('a half-written file disturbs no call, old connection or new', async () => {
    const server = await serve('auth');
    const files = { certFile: `${authority.directory}/auth.crt` };
    const whole = await readFile(files.certFile);
    await truncate(files.certFile, 100);
    await server.tls.reload();
    expect(await keysOf(await connect('api', server)).getJwks({})).toBeDefined();
    await writeFile(files.certFile, whole);
  });

  test('a CA that is no longer trusted ends live connections when they reach their age', async () => {
    const server = await serve('auth', { maxConnectionAgeMs: 300, maxConnectionAgeGraceMs: 50 });
    const keys = createGrpcClient(KeysServiceService, await connect('api', server));
    expect(await keys.getJwks({})).toBeDefined();

    const another = await createAuthority('the next CA');
    await writeFile(`${authority.directory}/auth.ca`, another.certificate.toString('pem'));
    await server.tls.reload();
    await vi.waitFor(
      () =>
        expect(keys.getJwks({}, { deadlineMs: 200 })).rejects.toMatchObject({
          code: 'dependency-unavailable',
        }),
      {
        timeout: 5_000,
      },
    );
  });
});

describe('the allow matrix', () => {
  test('must name every method that is served', () => {
    const { '/capstone.auth.v1.SessionsService/Logout': _missing, ...rest } = allow;
    expect(() => assertMatrixComplete(services, rest)).toThrow(
      '/capstone.auth.v1.SessionsService/Logout',
    );
  });

  test('must not name a method that a served service does not have', () => {
    const more = { ...allow, '/capstone.auth.v1.KeysService/Drop': ['api'] } as const;
    expect(() => assertMatrixComplete(services, more)).toThrow(
      '/capstone.auth.v1.KeysService/Drop',
    );
    const elsewhere = { ...allow, '/capstone.other.v1.OtherService/Get': ['api'] } as const;
    expect(() => assertMatrixComplete(services, elsewhere)).not.toThrow();
  });

  test('and a method without a handler stops the start', async () => {
    const tls = await authority.open('auth');
    const half = await createGrpcApp(HalfModule, testService(), {
      host: '127.0.0.1',
      port: 0,
      services,
      allow,
      tls,
    });
    await expect(half.listen()).rejects.toThrow(
      'SessionsService has no handler for Refresh, Logout, GetMe',
    );
    await half.close();
    tls.close();
  });
});

describe('identities', () => {
  test('are read once per connection', async () => {
    const raw = (await materialOf('api')).der;
    const getAuthContext = vi.fn(() => ({ sslPeerCertificate: { raw } as never }));
    const session = {};
    const call = () => ({ getAuthContext, stream: { session } });
    expect([peerIdentity(call(), 'local'), peerIdentity(call(), 'local')]).toEqual(['api', 'api']);
    expect(getAuthContext).toHaveBeenCalledTimes(1);
  });

  test('the private field that this rests on is where it was', async () => {
    const { BaseServerInterceptingCall } =
      (await import('@grpc/grpc-js/build/src/server-interceptors.js')) as {
        BaseServerInterceptingCall: new (...parts: unknown[]) => unknown;
      };
    expect(BaseServerInterceptingCall.toString()).toContain('this.stream = stream');
  });
});

describe('closing', () => {
  test('finishes running calls, refuses new ones, and does not wait for ever', async () => {
    const server = await serve('auth', { drainTimeoutMs: 200 });
    const keys = createGrpcClient(KeysServiceService, await connect('api', server));
    const { promise, resolve: finish } = Promise.withResolvers<void>();
    let entered = false;
    work = () => {
      entered = true;
      return promise;
    };
    const running = keys.getJwks({});
    await vi.waitFor(() => expect(entered).toBe(true));
    const closed = server.app.close();
    await expect(keys.getJwks({}, { deadlineMs: 150 })).rejects.toBeInstanceOf(Problem);
    finish();
    expect(await running).toBeDefined();
    await closed;

    const stuck = await serve('auth', { drainTimeoutMs: 100 });
    entered = false;
    work = () => {
      entered = true;
      return new Promise(() => {});
    };
    const hanging = createGrpcClient(KeysServiceService, await connect('api', stuck)).getJwks({});
    hanging.catch(() => {});
    await vi.waitFor(() => expect(entered).toBe(true));
    await stuck.app.close();
    await expect(hanging).rejects.toMatchObject({ code: 'dependency-unavailable' });
    work = () => {};
  });

  test('a port in use is said so', async () => {
    await expect(serve('auth', { port })).rejects.toThrow(/EADDRINUSE/);
    expect(app.nest).toBeDefined();
  });
});

async function materialOf(name: string) {
  const files = await authority.issue(name);
  const [ca, cert, key] = await Promise.all(
    [files.caFile, files.certFile, files.keyFile].map((file) => readFile(file)),
  );
  return { ca, cert, key, der: new X509Certificate(cert!).raw };
}

const asTheyAre = (bytes: Buffer) => bytes;

async function rawCredentials(files: { caFile: string; certFile: string; keyFile: string }) {
  const [ca, cert, key] = await Promise.all(
    [files.caFile, files.certFile, files.keyFile].map((file) => readFile(file)),
  );
  return credentials.createSsl(ca ?? null, key, cert);
}

/** A client as an attacker would write it. Always attempts a call: in TLS 1.3 "connected" proves nothing. */
async function rawCall(as: ChannelCredentials, path = '/capstone.auth.v1.KeysService/GetJwks') {
  const client = new Client(`localhost:${port}`, as);
  try {
    return await new Promise<{ code: number; problem?: string }>((resolve) => {
      client.makeUnaryRequest(
        path,
        asTheyAre,
        asTheyAre,
        Buffer.alloc(0),
        { deadline: Date.now() + 2_000 },
        (error: ServiceError | null) => {
          const problem = error?.metadata.get('problem-code')[0]?.toString();
          resolve({ code: error?.code ?? status.OK, ...(problem !== undefined && { problem }) });
        },
      );
    });
  } finally {
    client.close();
  }
}

async function servedCertificate(on: number): Promise<string> {
  const { ca, cert, key } = await materialOf('api');
  const socket = connectTls({
    host: '127.0.0.1',
    port: on,
    ca,
    cert,
    key,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2'],
  });
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const pem = socket.getPeerX509Certificate()?.toString().trim() ?? '';
  socket.destroy();
  return pem;
}
