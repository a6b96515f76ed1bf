import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowSecurityFaults, serviceRoleFaults } from '../src/catalog.js';
import { createTestDatabase } from '../src/database.js';
import type { TestDatabase } from '../src/database.js';
import { withClient } from '../src/postgres-admin.js';

let server: TestDatabase;

beforeAll(async () => {
  server = await createTestDatabase('app');
});

afterAll(async () => {
  await server.drop();
});

const asAdmin = (sql: string) =>
  withClient(server.urlFor('admin'), server.caFile, (client) => client.query(sql));

describe('rowSecurityFaults', () => {
  test('names every gap of a table with a workspace, and no other table', async () => {
    const before = await rowSecurityFaults(server);
    await asAdmin(`
      create schema gaps;
      create table gaps.bare (workspace_id uuid);
      create table gaps.half (workspace_id uuid);
      alter table gaps.half enable row level security;
      create policy half on gaps.half using (workspace_id is not null);
      create table gaps.whole (workspace_id uuid);
      alter table gaps.whole enable row level security;
      alter table gaps.whole force row level security;
      create policy whole on gaps.whole using (false) with check (false);
      create table gaps.other (id uuid)`);

    const found = (await rowSecurityFaults(server)).filter((fault) => !before.includes(fault));

    expect(found).toEqual([
      'gaps.bare: row-level security is not enabled',
      'gaps.bare: row-level security is not forced',
      'gaps.bare: no policy',
      'gaps.half: row-level security is not forced',
      'gaps.half: a policy has no WITH CHECK',
    ]);
  });
});

describe('serviceRoleFaults', () => {
  test('names what a role owns and may do too much', async () => {
    expect(await serviceRoleFaults(server, 'worker')).toEqual([]);
    await asAdmin(`
      create schema loose;
      create table loose.things (id int);
      alter table loose.things owner to capstone_worker;
      create table loose.others (id int);
      grant truncate on loose.others to capstone_worker;
      grant create on schema loose to capstone_worker;
      grant temporary on database ${server.name} to capstone_worker`);

    const found = await serviceRoleFaults(server, 'worker');

    expect(found).toContain('owns table loose.things');
    expect(found).toContain('may truncate loose.others');
    expect(found).toContain('may create in schema loose');
    expect(found).toContain('may make temporary tables');
    expect(found).not.toContain('is a superuser');
  });
});
