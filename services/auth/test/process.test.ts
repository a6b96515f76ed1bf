import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '@capstone/local/ports';
import { certificateFor } from '@capstone/testing/certs';
import { createTestDatabase } from '@capstone/testing/database';
import type { TestDatabase } from '@capstone/testing/database';
import { testRedis } from '@capstone/testing/redis';
import { waitFor } from '@capstone/testing/wait-for';
import { connect } from './auth-app.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const redis = testRedis();
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase('auth');
});
afterAll(async () => {
  await redis.flush();
  await database.drop();
});

describe('the process', () => {
  test('serves, and ends with 0 on SIGTERM', async () => {
    const env = await environment();
    const process = launch(env);
    await waitFor(() => isReady(env.ADMIN_PORT), { what: 'readiness' });

    const api = await connect('api', Number(env.GRPC_PORT));
    expect(JSON.parse((await api.keys.getJwks({})).jwksJson)).toMatchObject({ keys: [{}] });
    api.close();
    process.kill('SIGTERM');
    expect(await process.ended).toMatchObject({ exitCode: 0 });
  });

  test.each([
    ['the gRPC port is taken', { GRPC_PORT: 'taken' }, /The port .* is in use/],
    [
      'the database cannot be reached',
      { DATABASE_URL: 'postgres://a:b@localhost:1/auth' },
      /Nothing answers at .*:1\b/,
    ],
    ['a setting is wrong', { AUTH_ISSUER: 'nowhere' }, /AUTH_ISSUER: /],
    ['a secret is missing', { AUTH_TOKEN_PEPPER: '' }, /AUTH_TOKEN_PEPPER: is not set/],
  ])('ends with 1 and a sentence when %s', async (_what, overrides, sentence) => {
    const env = { ...(await environment()), ...overrides };
    if (env.GRPC_PORT === 'taken') env.GRPC_PORT = await occupiedPort();
    const { exitCode, stderr } = await launch(env).ended;

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain('    at ');
  });
});

function launch(env: Record<string, string>) {
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<{ exitCode: number | null; stderr: string }>((resolve) => {
    child.on('close', (exitCode) => resolve({ exitCode, stderr }));
  });
  return { kill: (signal: NodeJS.Signals) => child.kill(signal), ended };
}

async function environment() {
  const certificate = certificateFor('auth');
  return {
    ADMIN_PORT: String(await freePort()),
    GRPC_PORT: String(await freePort()),
    DATABASE_URL: database.urlFor('auth'),
    DATABASE_CA_FILE: database.caFile ?? '',
    REDIS_QUEUE_URL: redis.queueUrl('auth'),
    REDIS_CACHE_URL: redis.cacheUrl('auth'),
    REDIS_CA_FILE: redis.caFile ?? '',
    REDIS_KEY_PREFIX: redis.prefix,
    TLS_CA_FILE: certificate.caFile,
    TLS_CERT_FILE: certificate.certFile,
    TLS_KEY_FILE: certificate.keyFile,
    AUTH_PASSWORD_PEPPER: randomBytes(32).toString('base64'),
    AUTH_TOKEN_PEPPER: randomBytes(32).toString('base64'),
    AUTH_KEY_ENCRYPTION_KEY: encryptionKey,
  };
}

const encryptionKey = randomBytes(32).toString('base64');

async function isReady(adminPort: string) {
  const { status } = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
  return status === 200;
}

async function occupiedPort(): Promise<string> {
  const server = await listen();
  onTestFinished(() => void server.close());
  return String((server.address() as AddressInfo).port);
}

function listen() {
  return new Promise<ReturnType<typeof createServer>>((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
