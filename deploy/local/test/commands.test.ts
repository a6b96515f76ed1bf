import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../src/ports.js';
import { findPostgres } from '../src/programs.js';
import { Scratch } from './scratch.js';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

// Two stacks may run on one machine at the time of a test; these ports are far from both.
const apart = ['--port-offset', '23000'];
const servers = {
  CAPSTONE_POSTGRES_URL: 'postgres://admin:x@localhost:1/postgres',
  CAPSTONE_REDIS_QUEUE_URL: 'rediss://admin:x@localhost:1',
  CAPSTONE_REDIS_CACHE_URL: 'rediss://admin:x@localhost:1',
};

async function expectRefusal(args: string[], env: Record<string, string>, sentence: RegExp) {
  const command = scratch.run('start', args, env);

  expect(await command.ended).toBe(1);
  expect(command.stderr).toMatch(sentence);
  expect(command.stderr.trim().split('\n')).toHaveLength(1);
  expect(scratch.processes()).toEqual([]);
}

describe('npm start refuses in one sentence and leaves nothing running', () => {
  test('an unknown flag', () =>
    expectRefusal(['--foo'], {}, /Unknown option '--foo': try --help\./));

  test('a port offset that is none', () =>
    expectRefusal(['--port-offset', 'x'], {}, /--port-offset x must be a whole number/));

  test('a port in use', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');

    await expectRefusal(
      ['--port-offset', String(port - 9082)],
      {},
      new RegExp(`Port ${port} \\(health and metrics of worker\\) is in use: stop the program`),
    );
    other.close();
  });

  test('a source that does not exist', () =>
    expectRefusal(apart, { CAPSTONE_INFRA: 'cloud' }, /must be native, docker or external/));

  test('a wrong address', () =>
    expectRefusal(
      apart,
      { ...servers, CAPSTONE_POSTGRES_URL: 'localhost:5432' },
      /CAPSTONE_POSTGRES_URL is not an address that begins with postgres:/,
    ));

  test('one address without the others', () =>
    expectRefusal(
      apart,
      { CAPSTONE_POSTGRES_URL: servers.CAPSTONE_POSTGRES_URL },
      /CAPSTONE_REDIS_QUEUE_URL is missing/,
    ));

  test('a database that cannot be reached', () =>
    expectRefusal(
      apart,
      servers,
      /CAPSTONE_POSTGRES_URL does not answer at localhost:1 .*: start/,
    ));

  test('a Postgres whose pgvector is too old', async () => {
    const bin = await postgresWithPgvector('0.8.0');

    await expectRefusal(
      apart,
      { CAPSTONE_POSTGRES_BIN: bin },
      /has Postgres \d+\.\d+ with pgvector 0\.8\.0: install pgvector 0\.8\.4 or newer/,
    );
  });
});

test('npm start -- --help says what can be done', async () => {
  const command = scratch.run('start', ['--help']);

  expect(await command.ended).toBe(0);
  expect(command.stdout).toMatch(/npm start -- --reset/);
});

/** A copy of this machine's Postgres that announces another pgvector. Programs find their files relative to themselves. */
async function postgresWithPgvector(version: string): Promise<string> {
  const installed = await findPostgres();
  if (!installed) throw new Error('these tests need a Postgres on this machine');
  const bin = join(scratch.root, 'old', installed.bin);
  mkdirSync(bin, { recursive: true });
  for (const name of ['postgres', 'initdb', 'pg_ctl', 'pg_config']) {
    cpSync(join(installed.bin, name), join(bin, name), { dereference: true });
  }
  const share = execFileSync(join(installed.bin, 'pg_config'), ['--sharedir'], {
    encoding: 'utf8',
  });
  const extension = join(scratch.root, 'old', share.trim(), 'extension');
  mkdirSync(extension, { recursive: true });
  const control = readFileSync(join(share.trim(), 'extension', 'vector.control'), 'utf8');
  writeFileSync(
    join(extension, 'vector.control'),
    control.replace(/default_version = '.*'/, `default_version = '${version}'`),
  );
  return bin;
}
