import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  certificateFiles,
  createAuthority,
  issueLeaf,
  spiffeId,
  writeKeyPair,
} from '@capstone/local/certificates';
import { startInfra } from '@capstone/local/infra';
import type { TestProject } from 'vitest/node';
import { dropAbandonedDatabases, prepareTemplate } from './template-database.js';
import { describeInfra } from './test-infra.js';
import type { CertificatePaths } from './test-infra.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Once per run: Postgres and Redis, migrated templates, certificates. Several runs may share the servers. */
export async function setup(project: TestProject) {
  const infra = await startInfra({ profile: 'test', root });
  const foreign = mkdtempSync(join(tmpdir(), 'capstone-foreign-'));
  const teardown = async () => {
    rmSync(foreign, { recursive: true, force: true });
    await infra.stop();
  };
  try {
    const options = {
      root,
      adminUrl: infra.postgres.urlFor('admin', 'postgres'),
      migratorUrl: infra.postgres.urlFor('migrator', 'postgres'),
      caFile: infra.postgres.caFile,
    };
    await dropAbandonedDatabases(options);
    const templates = {
      app: await prepareTemplate('app', options),
      auth: await prepareTemplate('auth', options),
    };
    const stranger = await writeForeignCertificate(foreign, infra.certificates.caFile);
    project.provide('infra', describeInfra(infra, templates, stranger));
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}

async function writeForeignCertificate(
  directory: string,
  trustedCaFile: string,
): Promise<CertificatePaths> {
  const files = { ...certificateFiles(directory, 'api'), caFile: trustedCaFile };
  const leaf = await issueLeaf(await createAuthority('a CA that nobody trusts'), {
    commonName: 'api',
    names: [
      { type: 'url', value: spiffeId('api') },
      { type: 'dns', value: 'localhost' },
    ],
    lifeMs: 3_600_000,
  });
  await writeKeyPair(files, leaf);
  return files;
}
