import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '@capstone/testing/database';
import type { TestDatabase } from '@capstone/testing/database';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '../src/migrate.js';
import { execute } from './items.js';

let server: TestDatabase;
let directory: string;
let schema: string;
let count = 0;

beforeAll(async () => {
  server = await createTestDatabase('app');
});

afterAll(async () => {
  await server.drop();
});

beforeEach(async () => {
  schema = `m${'abcdefghijklmnopqrstuvwxyz'[(count += 1)]}`;
  directory = await mkdtemp(join(tmpdir(), 'capstone-migrations-'));
  return () => rm(directory, { recursive: true });
});

const write = (name: string, sql: string) => writeFile(join(directory, name), sql);
const run = () =>
  migrate({ url: server.urlFor('migrator'), caFile: server.caFile, directory, schema });
const ledger = () => execute(server, 'migrator', `select name from ${schema}.schema_migrations`);

describe('the migrator', () => {
  test('applies what is missing, in order, once', async () => {
    await write('0001_first.sql', `create table ${schema}.things (id int);`);
    const first = await run();
    await write('0003_third.sql', `insert into ${schema}.things values (3);`);
    await write('0002_second.sql', `alter table ${schema}.things add column name text;`);
    const second = await run();
    const third = await run();

    expect(first).toEqual({ applied: ['0001_first'] });
    expect(second).toEqual({ applied: ['0002_second', '0003_third'] });
    expect(third).toEqual({ applied: [] });
    expect(await execute(server, 'migrator', `select * from ${schema}.things`)).toEqual([
      { id: 3, name: null },
    ]);
  });

  test('keeps whole migrations only when one fails, and says which and why', async () => {
    await write('0001_good.sql', `create table ${schema}.good (id int);`);
    await write('0002_bad.sql', `create table ${schema}.bad (id int); select 1 / 0;`);

    await expect(run()).rejects.toThrow(`0002_bad failed in schema ${schema}: division by zero`);

    expect(await ledger()).toEqual([{ name: '0001_good' }]);
    const [found] = await execute(server, 'migrator', `select to_regclass('${schema}.bad') as bad`);
    expect(found).toEqual({ bad: null });
  });

  test('lets several starters take turns', async () => {
    await write('0001_slow.sql', `create table ${schema}.things (id int); select pg_sleep(0.3);`);

    const outcomes = await Promise.all([run(), run(), run()]);

    expect(outcomes.flatMap(({ applied }) => applied)).toEqual(['0001_slow']);
  });

  test('refuses a file that was changed after it had been applied', async () => {
    await write('0001_first.sql', `create table ${schema}.things (id int);`);
    await run();
    await write('0001_first.sql', `create table ${schema}.things (id bigint);`);

    await expect(run()).rejects.toThrow('0001_first was changed after it had been applied');
  });

  test('refuses a database that is ahead of the code', async () => {
    await write('0001_first.sql', 'select 1;');
    await write('0002_second.sql', 'select 2;');
    await run();
    await rm(join(directory, '0002_second.sql'));

    await expect(run()).rejects.toThrow(
      'which this release does not know. Run a release that has it',
    );
  });

  test('refuses a file that comes before an applied one', async () => {
    await write('0002_second.sql', 'select 2;');
    await run();
    await write('0001_first.sql', 'select 1;');

    await expect(run()).rejects.toThrow('Give it a number above 2');
  });

  test('refuses two files with one number, and names it cannot order', async () => {
    await write('0001_first.sql', 'select 1;');
    await write('0001_other.sql', 'select 1;');
    await expect(run()).rejects.toThrow('0001_first shares its number');

    await write('add_table.sql', 'select 1;');
    await expect(run()).rejects.toThrow('add_table.sql must be named like');
  });

  test('runs a marked file outside a transaction, also while others wait for their turn', async () => {
    await write('0001_first.sql', `create table ${schema}.things (id int);`);
    await write(
      '0002_index.sql',
      `-- An index without a lock.\n-- migrate: no-transaction\ncreate index concurrently if not exists things_id on ${schema}.things (id);`,
    );

    const outcomes = await Promise.all([run(), run()]);

    expect(outcomes.flatMap(({ applied }) => applied)).toEqual(['0001_first', '0002_index']);
    expect(await ledger()).toHaveLength(2);
  });
});
