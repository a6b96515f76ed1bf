import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  certificateFiles,
  createAuthority,
  issueLeaf,
  loadAuthority,
  renewCertificates,
  writeKeyPair,
} from './certificates.js';

const everything = ['ca', 'auth', 'api', 'worker', 'postgres', 'redis-queue', 'redis-cache'];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'capstone-certificates-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function read(name: string): X509Certificate {
  return new X509Certificate(readFileSync(certificateFiles(directory, name).certFile));
}

async function writeLeaf(name: string, lifeMs: number): Promise<void> {
  const names = [{ type: 'dns' as const, value: 'localhost' }];
  const authority = await loadAuthority(directory);
  const leaf = await issueLeaf(authority, { commonName: name, names, lifeMs });
  await writeKeyPair(certificateFiles(directory, name), leaf);
}

describe('the first renewal', () => {
  test('makes a CA, a leaf per service and a leaf per database server', async () => {
    const written = await renewCertificates(directory, { keepAuthority: false });

    expect(written).toEqual(everything);
    for (const name of everything.slice(1)) {
      expect(read(name).verify(read('ca').publicKey)).toBe(true);
    }
  });

  test('gives each service exactly one SPIFFE id, and localhost', async () => {
    await renewCertificates(directory, { keepAuthority: false });

    for (const service of ['auth', 'api', 'worker']) {
      expect(read(service).subjectAltName).toBe(
        `URI:spiffe://capstone.internal/ns/local/sa/${service}, DNS:localhost`,
      );
      expect(read(service).ca).toBe(false);
    }
    expect(read('postgres').subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1');
  });

  test('makes keys that only their owner can read, and service leaves that live a day', async () => {
    await renewCertificates(directory, { keepAuthority: false });

    for (const name of everything) {
      expect(statSync(certificateFiles(directory, name).keyFile).mode & 0o077).toBe(0);
    }
    const { validFrom, validTo } = read('api');
    expect((Date.parse(validTo) - Date.parse(validFrom)) / 3_600_000).toBeCloseTo(24, 0);
  });
});

describe('a later renewal', () => {
  test('leaves what is young alone', async () => {
    await renewCertificates(directory, { keepAuthority: false });

    expect(await renewCertificates(directory, { keepAuthority: false })).toEqual([]);
  });

  test('replaces a leaf that has lived half of its life', async () => {
    await renewCertificates(directory, { keepAuthority: false });
    await writeLeaf('worker', 60_000); // with the five minutes for slow clocks, most of its life is over

    expect(await renewCertificates(directory, { keepAuthority: true })).toEqual(['worker']);
  });

  test('replaces an old CA with everything under it, unless servers still trust it', async () => {
    await renewCertificates(directory, { keepAuthority: false });
    await writeKeyPair(certificateFiles(directory, 'ca'), await createAuthority('old', 60_000));

    expect(await renewCertificates(directory, { keepAuthority: true })).toEqual([]);
    expect(await renewCertificates(directory, { keepAuthority: false })).toEqual(everything);
  });
});
