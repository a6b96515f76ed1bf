import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@capstone/testing/database';
import type { TestDatabase } from '@capstone/testing/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execute } from './items.js';

const cli = fileURLToPath(new URL('../dist/migrate-cli.js', import.meta.url));
const migrations = fileURLToPath(new URL('../../../services/api/migrations', import.meta.url));

let server: TestDatabase;

beforeAll(async () => {
  server = await createTestDatabase('app');
});

afterAll(async () => {
  await server.drop();
});

function run(targets: string[], env: Record<string, string>) {
  return new Promise<{ code: number | string | null | undefined; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(process.execPath, [cli, ...targets], { env }, (error, stdout, stderr) =>
        resolve({ code: error ? error.code : 0, stdout, stderr }),
      );
    },
  );
}

const connection = () => ({
  DATABASE_URL: server.urlFor('migrator'),
  ...(server.caFile && { DATABASE_CA_FILE: server.caFile }),
});

describe('the migrator as a command', () => {
  test('migrates what it is told to and says so', async () => {
    await execute(server, 'migrator', 'drop schema search cascade; drop schema app cascade');

    const { code, stdout, stderr } = await run([`app=${migrations}`], connection());

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('schema is current');
    const [found] = await execute(server, 'migrator', `select to_regclass('app.outbox') as outbox`);
    expect(found).toEqual({ outbox: 'app.outbox' });
  });

  test('says in one sentence what is wrong with its settings', async () => {
    const { code, stderr } = await run(['app=.'], {});

    expect(code).toBe(1);
    expect(stderr).toBe(
      'The configuration is not valid:\n  DATABASE_URL: is not set, and has no default\n',
    );
  });

  test('says what it wants when it is told nothing', async () => {
    const { code, stderr } = await run([], connection());

    expect(code).toBe(1);
    expect(stderr).toBe('Name what to migrate: schema=directory, one or more.\n');
  });
});
