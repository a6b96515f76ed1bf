import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RevocationEntry, revocationStream } from '@capstone/contracts/revocations';
import { createLogger } from '@capstone/platform/log';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { waitFor } from '@capstone/testing/wait-for';
import { AuthApp, bearing, claimsOf } from './auth-app.js';

let t: AuthApp;
let redis: ReturnType<typeof connectRedis>;
beforeAll(async () => {
  t = await AuthApp.start();
  redis = connectRedis({
    url: t.redis.queueUrl('admin'),
    caFile: t.redis.caFile,
    name: 'test',
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
});
afterAll(async () => {
  await disconnectRedis(redis);
  await t.stop();
});

describe('ListRevocations', () => {
  test('gives what was revoked within the life of a token, and nothing older', async () => {
    const recent = await t.signIn();
    const old = await t.signIn();
    await t.logout(recent.accessToken);
    await t.logout(old.accessToken);
    await t.query(
      `update auth.revocations set revoked_at = now() - interval '361 s' where id = $1`,
      [old.claims.sid],
    );

    const { revocations } = await t.as.api.revocations.listRevocations({});

    const ids = revocations.map(({ id }) => id);
    expect(ids).toContain(recent.claims.sid);
    expect(ids).not.toContain(old.claims.sid);
    const [mine] = revocations.filter(({ id }) => id === recent.claims.sid);
    expect(mine!.kind).toBe('session');
    expect(Math.abs(Date.now() - mine!.revokedAtMs)).toBeLessThan(10_000);
  });
});

describe('housekeeping', () => {
  test('removes what no token can meet any more', async () => {
    await t.query(
      `insert into auth.revocations (kind, id, revoked_at, published_at)
       values ('key', 'long gone', now() - interval '7 min', now()),
              ('key', 'of now', now(), now())`,
    );

    await waitFor(async () => (await kept()).length === 1, { what: 'the sweep' });
    expect(await kept()).toEqual([{ id: 'of now' }]);
  });
});

describe('the revocation stream', () => {
  test('T-04 carries a logout at once, without waiting for the heartbeat', async () => {
    const { accessToken, claims } = await t.signIn();
    await waitFor(async () => (await entries()).some(isHeartbeat), { what: 'a heartbeat' });
    await t.logout(accessToken);

    await waitFor(() => hasEntryFor(claims.sid), { timeoutMs: 1_000, what: 'the revocation' });
  });

  test('has a heartbeat that says how far it is true', async () => {
    const before = (await entries()).filter(isHeartbeat).length;
    const since = Date.now();
    await waitFor(async () => (await entries()).filter(isHeartbeat).length > before);

    const newest = (await entries()).filter(isHeartbeat).at(-1)!;
    expect(newest.asOfMs).toBeGreaterThanOrEqual(since - 2_500);
    expect(newest.asOfMs).toBeLessThanOrEqual(Date.now());
  });

  test('is repaired: what was committed but never appended comes later, before the next heartbeat', async () => {
    const id = '01920000-0000-7000-8000-00000000dead';
    await t.query(`insert into auth.revocations (kind, id) values ('session', $1)`, [id]);

    await waitFor(() => hasEntryFor(id), { timeoutMs: 5_000, what: 'the repair' });
    await waitFor(async () => {
      const [row] = await t.query<{ published: boolean }>(
        'select published_at is not null as published from auth.revocations where id = $1',
        [id],
      );
      return row!.published;
    });
  });

  test('is not needed to sign in and out: another process appends what one without Redis revoked', async () => {
    const person = await t.signUp();
    const cutOff = await t.startAnother({ REDIS_QUEUE_URL: 'redis://localhost:1' });
    const { tokens } = await cutOff.accounts.login({
      ...person,
      workspaceId: undefined,
      source: undefined,
    });
    await cutOff.sessions.logout({}, bearing(tokens!.accessToken));

    const { sid } = claimsOf(tokens!.accessToken);
    await waitFor(() => hasEntryFor(sid), { what: 'the revocation' });
  });

  test('is repaired after its loss, by heartbeats that go on', async () => {
    await redis.del(revocationStream(t.redis.prefix));

    await waitFor(async () => (await entries()).some(isHeartbeat), { what: 'a heartbeat' });
  });
});

function isHeartbeat(entry: RevocationEntry) {
  return entry.kind === 'heartbeat';
}

async function entries(): Promise<RevocationEntry[]> {
  const raw = await redis.xrange(revocationStream(t.redis.prefix), '-', '+');
  return raw.map(([, fields]) => {
    const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : []));
    return RevocationEntry.parse(Object.fromEntries(pairs));
  });
}

async function hasEntryFor(id: string) {
  return (await entries()).some((entry) => 'id' in entry && entry.id === id);
}

function kept() {
  return t.query(`select id from auth.revocations where id in ('long gone', 'of now')`);
}
