import { join } from 'node:path';
import { migrate } from '@capstone/platform/migrate';
import type { ServiceName } from './certificates.js';
import type { Infra } from './infra.js';

/** Brings both databases to the schema of the services in `root`. Throws as `migrate` does. */
export async function migrateAll(root: string, infra: Infra): Promise<void> {
  const { caFile } = infra.postgres;
  const directory = (service: ServiceName) => join(root, 'services', service, 'migrations');
  const auth = infra.postgres.urlFor('migrator', 'auth');
  const app = infra.postgres.urlFor('migrator', 'app');
  const migrateApp = async () => {
    await migrate({ url: app, caFile, directory: directory('api'), schema: 'app' });
    await migrate({ url: app, caFile, directory: directory('worker'), schema: 'search' });
  };
  await Promise.all([
    migrate({ url: auth, caFile, directory: directory('auth'), schema: 'auth' }),
    migrateApp(),
  ]);
}
