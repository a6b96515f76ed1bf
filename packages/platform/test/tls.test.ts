import { readFile, truncate, writeFile } from 'node:fs/promises';
import { issueLeaf, spiffeId, writeKeyPair } from '@capstone/local/certificates';
import { registry } from '@capstone/platform/metric-registry';
import { TlsMaterialError, ReloadingTls, loadTlsMaterial } from '@capstone/platform/tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { silent, testAuthority } from './certificates.js';
import type { TestAuthority } from './certificates.js';

let authority: TestAuthority;

beforeAll(async () => {
  authority = await testAuthority();
});
afterAll(() => authority.remove());

const inADay = () => new Date(Date.now() + 86_400_000);
const anHourAgo = () => new Date(Date.now() - 3_600_000);

async function failing() {
  const metric = await registry.getSingleMetric('tls_certificate_reload_failing')?.get();
  return metric?.values[0]?.value;
}

describe('loadTlsMaterial', () => {
  test('reads who a certificate names and until when it lasts', async () => {
    const material = await loadTlsMaterial(await authority.issue('api'));
    expect(material.identity).toEqual({ namespace: 'local', workload: 'api' });
    expect(material.validTo.getTime()).toBeGreaterThan(Date.now());
  });

  test('refuses the key of another certificate, naming both files', async () => {
    const files = await authority.issue('api');
    const { keyFile } = await authority.issue('worker');
    await expect(loadTlsMaterial({ ...files, keyFile })).rejects.toThrow(
      `${keyFile} is not the key of ${files.certFile}.`,
    );
  });

  test.each([
    ['names nobody of ours', ['https://example.org']],
    ['names two workloads', [spiffeId('api'), spiffeId('auth')]],
    ['names nobody', []],
  ])('refuses a certificate that %s', async (_what, uris) => {
    const files = await authority.issue('odd', { uris });
    await expect(loadTlsMaterial(files)).rejects.toThrow(/does not name exactly one workload/);
  });

  test('refuses what is over, and what has not begun', async () => {
    const files = await authority.issue('api');
    await expect(loadTlsMaterial(files, inADay)).rejects.toThrow(/is not valid now/);
    await expect(loadTlsMaterial(files, anHourAgo)).rejects.toThrow(/is not valid now/);
  });

  test('refuses a file that is missing, empty, cut short or not PEM', async () => {
    const files = await authority.issue('api');
    const missing = { ...files, certFile: `${files.certFile}.none` };
    await expect(loadTlsMaterial(missing)).rejects.toThrow(`${missing.certFile} cannot be read.`);

    await writeFile(
      files.caFile,
      `${await readFile(files.caFile, 'utf8')}\n-----BEGIN CERTIFICATE-----\nMII`,
    );
    await expect(loadTlsMaterial(files)).rejects.toThrow(/cut short/);

    const empty = await authority.issue('worker');
    await writeFile(empty.certFile, '');
    await expect(loadTlsMaterial(empty)).rejects.toThrow(TlsMaterialError);

    const junk = await authority.issue('auth');
    await writeFile(junk.keyFile, 'not a key');
    await expect(loadTlsMaterial(junk)).rejects.toThrow(`${junk.keyFile} cannot be parsed.`);
  });
});

describe('ReloadingTls', () => {
  test('takes a new certificate over and tells its listeners', async () => {
    const tls = await ReloadingTls.open(await authority.issue('api'), { logger: silent });
    const listener = vi.fn();
    tls.onChange(listener);
    const before = tls.current;

    await tls.reload();
    expect(listener).not.toHaveBeenCalled();

    await authority.issue('api');
    await tls.reload();
    expect(tls.current.cert).not.toEqual(before.cert);
    expect(listener).toHaveBeenCalledExactlyOnceWith(tls.current);
    tls.close();
  });

  test('keeps the last good certificate while a file is half written, and raises a gauge', async () => {
    const files = await authority.issue('worker');
    const tls = await ReloadingTls.open(files, { logger: silent });
    const good = tls.current;

    await truncate(files.certFile, 200);
    await tls.reload();
    expect(tls.current).toBe(good);
    expect(await failing()).toBe(1);

    await authority.issue('worker');
    await tls.reload();
    expect(tls.current).not.toBe(good);
    expect(await failing()).toBe(0);
    tls.close();
  });

  test('keeps it while certificate and key do not belong together', async () => {
    const files = await authority.issue('worker');
    const tls = await ReloadingTls.open(files, { logger: silent });
    const good = tls.current;

    const other = await authority.issue('other', { uris: [spiffeId('worker')] });
    await writeFile(files.certFile, await readFile(other.certFile));
    await tls.reload();
    expect(tls.current).toBe(good);

    await writeFile(files.keyFile, await readFile(other.keyFile));
    await tls.reload();
    expect(tls.current).not.toBe(good);
    tls.close();
  });

  test('does not become another workload', async () => {
    const files = await authority.issue('api');
    const tls = await ReloadingTls.open(files, { logger: silent });
    const names = [{ type: 'url' as const, value: spiffeId('auth') }];
    const leaf = { commonName: 'x', names, lifeMs: 60_000 };
    await writeKeyPair(files, await issueLeaf(authority.pair, leaf));
    await tls.reload();
    expect(tls.current.identity.workload).toBe('api');
    expect(await failing()).toBe(1);
    tls.close();
  });

  test('is not ready in the last sixth of its life', async () => {
    const fresh = await ReloadingTls.open(await authority.issue('api'), { logger: silent });
    await expect(fresh.checkRemainingLife()).resolves.toBeUndefined();

    // Issued 5 minutes back, so a minute is about the last sixth.
    const old = await ReloadingTls.open(await authority.issue('api', { lifeMs: 40_000 }), {
      logger: silent,
    });
    await expect(old.checkRemainingLife()).rejects.toThrow(/ends at/);
    fresh.close();
    old.close();
  });
});
