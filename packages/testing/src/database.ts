import { randomBytes } from 'node:crypto';
import { withClient, withDatabase } from './postgres-admin.js';
import type { DatabaseName, DatabaseRole, TestInfra } from './test-infra.js';
import { testInfra } from './test-infra.js';

/** The services that may connect to each database, as in the local stack. */
export const databaseServices = { app: ['api', 'worker'], auth: ['auth'] } as const;

/** A database of its own for one test file, with every migration applied and no row in it. */
export interface TestDatabase {
  readonly name: string;
  readonly caFile: string | undefined;
  /** The address for a service's role, the migrator (owner of everything in it) or a superuser (admin). */
  urlFor(role: DatabaseRole): string;
  /** Call it in afterAll; connections that are still open are cut. */
  drop(): Promise<void>;
}

/** Clones the migrated template, in some tens of milliseconds. `server` is for programs that are not tests. */
export async function createTestDatabase(
  kind: DatabaseName,
  server: TestInfra['postgres'] = testInfra().postgres,
): Promise<TestDatabase> {
  const { caFile, urls, templates } = server;
  // The minute of its making lets a later run clear away what a killed one left.
  const name = `test_${minuteOf(Date.now())}_${kind}_${randomBytes(5).toString('hex')}`;
  const roles = databaseServices[kind].map((service) => `capstone_${service}`).join(', ');
  await withClient(urls.admin, caFile, async (client) => {
    await client.query(
      `create database ${name} template ${templates[kind]} owner capstone_migrator`,
    );
    // Grants on the database itself are not part of what is cloned.
    await client.query(`revoke all on database ${name} from public`);
    await client.query(`grant connect on database ${name} to ${roles}`);
  });
  return {
    name,
    caFile,
    urlFor: (role) => withDatabase(urls[role], name),
    drop: () =>
      withClient(urls.admin, caFile, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

/** Minutes since 1970 in base 36, the second part of a test database's name. */
export function minuteOf(timeMs: number): string {
  return Math.floor(timeMs / 60_000).toString(36);
}
