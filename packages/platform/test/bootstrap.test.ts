import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';

const fixture = fileURLToPath(new URL('fixture-service.mjs', import.meta.url));

const settings = {
  ADMIN_PORT: '0',
  HTTP_PORT: '0',
  DATABASE_URL: 'postgres://capstone_api:canary@localhost:5432/app',
  REDIS_QUEUE_URL: 'rediss://api:canary@localhost:6379',
  REDIS_CACHE_URL: 'rediss://api:canary@localhost:6380',
  TLS_CA_FILE: 'ca.crt',
  TLS_CERT_FILE: 'api.crt',
  TLS_KEY_FILE: 'api.key',
  SHUTDOWN_TIMEOUT_MS: '2000',
};

class Fixture {
  out = '';
  err = '';
  readonly ended: Promise<number | null>;

  constructor(readonly process: ChildProcess) {
    process.stdout?.on('data', (bytes) => (this.out += String(bytes)));
    process.stderr?.on('data', (bytes) => (this.err += String(bytes)));
    this.ended = once(process, 'close').then(([code]) => code as number | null);
  }

  lines(): Record<string, unknown>[] {
    return this.out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async line(msg: string) {
    return vi.waitFor(
      () => {
        const line = this.lines().find((one) => one['msg'] === msg);
        expect(line, `${this.out}${this.err}`).toBeDefined();
        return line!;
      },
      { timeout: 10_000 },
    );
  }
}

const started: Fixture[] = [];

function start(env: Record<string, string | undefined> = {}): Fixture {
  const child = spawn(process.execPath, [fixture], {
    env: { PATH: process.env['PATH'], ...settings, ...env },
  });
  const one = new Fixture(child);
  started.push(one);
  return one;
}

afterEach(async () => {
  for (const one of started.splice(0)) {
    one.process.kill('SIGKILL');
    await one.ended;
  }
});

describe('a service that starts', () => {
  test('shows its health and metrics on the admin port, and nothing else there', async () => {
    const service = start();
    const { adminPort } = await service.line('ready');
    const get = (path: string, method = 'GET') =>
      fetch(`http://127.0.0.1:${String(adminPort)}${path}`, { method });

    expect(await (await get('/livez')).json()).toEqual({ status: 'ok' });
    expect(await (await get('/readyz')).json()).toEqual({
      status: 'ready',
      checks: { database: 'ok' },
    });
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toMatch(/build_info\{service="fixture",version="1.2.3",node="v24[^"]*"\} 1/);
    expect(metrics).toMatch(/^nodejs_eventloop_lag_seconds /m);
    expect(metrics).toMatch(/^nodejs_eventloop_utilization [01]/m);

    const unknown = await get('/debug');
    expect([unknown.status, unknown.headers.get('content-type')]).toEqual([
      404,
      'application/problem+json; charset=utf-8',
    ]);
    const wrong = await get('/metrics', 'DELETE');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('logs more or less from the moment its admin port is told to', async () => {
    const service = start({ LOG_LEVEL: 'info' });
    const { adminPort } = await service.line('ready');
    const url = `http://127.0.0.1:${String(adminPort)}/loglevel`;
    const put = (body: string) => fetch(url, { method: 'PUT', body });

    expect(await (await fetch(url)).json()).toEqual({ level: 'info' });
    expect((await put('loud')).status).toBe(422);
    expect((await put('x'.repeat(1_000))).status).toBe(413);
    expect(await (await put('fatal')).json()).toEqual({ level: 'fatal' });
    service.process.kill('SIGTERM');

    expect(await service.ended).toBe(0);
    expect(service.lines().at(-1)).toMatchObject({ msg: 'log level changed', before: 'info' });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('stops in order at %s and exits 0', async (signal) => {
    const service = start();
    await service.line('ready');
    service.process.kill(signal);
    service.process.kill(signal);
    expect(await service.ended).toBe(0);
    expect(service.lines().slice(-3)).toMatchObject([
      { msg: 'stopping', signal },
      { msg: 'closing', stopping: true },
      { msg: 'stopped' },
    ]);
  });

  test('that cannot stop in time says so and exits 1', async () => {
    const service = start({ FIXTURE: 'hangs', SHUTDOWN_TIMEOUT_MS: '100' });
    await service.line('ready');
    service.process.kill('SIGTERM');
    expect(await service.ended).toBe(1);
    expect(service.lines().at(-1)).toMatchObject({ level: 'error', msg: 'did not stop in time' });
  });

  test('dies of a fault that nobody caught, with its reason in the log', async () => {
    const service = start({ FIXTURE: 'throws' });
    expect(await service.ended).toBe(1);
    expect(service.lines().at(-1)).toMatchObject({
      level: 'fatal',
      msg: 'unhandled rejection',
      err: { message: 'nobody awaited this' },
    });
  });
});

describe('a service that cannot start says why in words and exits 1', () => {
  test('every fault of its settings, without their values', async () => {
    const service = start({ DATABASE_URL: 'mysql://canary', TLS_KEY_FILE: '', LOG_LEVEL: 'loud' });
    expect(await service.ended).toBe(1);
    expect(service.err).toContain('DATABASE_URL: must be a postgres:// URL');
    expect(service.err).toContain('TLS_KEY_FILE: is not set');
    expect(service.err).toContain('LOG_LEVEL');
    expect(service.err).not.toContain('canary');
  });

  test.each(['ADMIN_PORT', 'HTTP_PORT'])('%s in use', async (key) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;

    const service = start({ [key]: String(port) });
    expect(await service.ended).toBe(1);
    expect(service.err).toBe(
      `fixture did not start: The port 127.0.0.1:${port} is in use. Stop the process that has it, or choose another port.\n`,
    );
    taken.close();
  });

  test('something it needs does not answer', async () => {
    const service = start({ FIXTURE: 'unreachable' });
    expect(await service.ended).toBe(1);
    expect(service.err).toMatch(/^fixture did not start: .*\n$/);
  });

  test('a bug of its own, with where it happened', async () => {
    const service = start({ FIXTURE: 'bug' });
    expect(await service.ended).toBe(1);
    expect(service.err).toMatch(/did not start: TypeError: undefined is not a function\n +at /);
  });
});
