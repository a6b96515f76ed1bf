import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  certificateFiles,
  createAuthority,
  issueLeaf,
  spiffeId,
  writeKeyPair,
} from '@capstone/local/certificates';
import type { AlternativeName, KeyPair } from '@capstone/local/certificates';
import { createLogger } from '@capstone/platform/log';
import { ReloadingTls } from '@capstone/platform/tls';
import type { TlsFiles } from '@capstone/platform/tls';

export const silent = createLogger({ service: 'test', level: 'silent' });

/** A certificate authority of a test's own, in a directory of its own. */
export interface TestAuthority {
  readonly pair: KeyPair;
  readonly directory: string;
  /** Writes a leaf and returns its files. By default it names the workload `name` and nobody else. */
  issue(name: string, options?: LeafOptions): Promise<TlsFiles>;
  /** The same, already opened and watched closely. */
  open(name: string, options?: LeafOptions): Promise<ReloadingTls>;
  remove(): Promise<void>;
}

export interface LeafOptions {
  readonly uris?: readonly string[];
  readonly lifeMs?: number;
  /** The CA that the holder trusts, if it is not the one that signed. */
  readonly trusts?: KeyPair;
}

const localhost: AlternativeName = { type: 'dns', value: 'localhost' };

export async function testAuthority(): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'capstone-certs-'));
  const pair = await createAuthority('test CA');

  async function issue(name: string, options: LeafOptions = {}): Promise<TlsFiles> {
    const uris = options.uris ?? [spiffeId(name)];
    const leaf = await issueLeaf(pair, {
      commonName: name,
      names: [...uris.map((value) => ({ type: 'url' as const, value })), localhost],
      lifeMs: options.lifeMs ?? 3_600_000,
    });
    const files = { ...certificateFiles(directory, name), caFile: join(directory, `${name}.ca`) };
    await writeKeyPair(files, leaf);
    await writeFile(files.caFile, (options.trusts ?? pair).certificate.toString('pem'));
    return files;
  }

  return {
    pair,
    directory,
    issue,
    open: async (name, options) => {
      const files = await issue(name, options);
      return ReloadingTls.open(files, { logger: silent, pollMs: 10 });
    },
    remove: () => rm(directory, { recursive: true }),
  };
}
