import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { membershipId, revocationStream } from '@capstone/contracts/revocations';
import { testRedis } from '@capstone/testing/redis';
import { startTcpProxy } from '@capstone/testing/tcp-proxy';
import type { TcpProxy } from '@capstone/testing/tcp-proxy';
import { waitFor } from '@capstone/testing/wait-for';
import { TestApi } from './api-app.js';
import { FakeAuth } from './fake-auth.js';

/** Two replicas of one deployment: one auth, and a way to Redis that can be cut. */
let auth: FakeAuth;
let feed: TcpProxy;
let replicas: TestApi[];
beforeAll(async () => {
  auth = await FakeAuth.start();
  feed = await startTcpProxy(testRedis().queueUrl('api'));
  replicas = [
    await TestApi.start({ REDIS_QUEUE_URL: feed.url }, auth),
    await TestApi.start({ REDIS_QUEUE_URL: feed.url }, auth),
  ];
});
afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await feed.close();
  await auth.stop();
});

async function statuses(token: string, method: 'GET' | 'POST' = 'GET') {
  const answers = await Promise.all(
    replicas.map((api) =>
      api.request(method, '/api/v1/tasks', {
        headers: { authorization: `Bearer ${token}` },
        ...(method === 'POST' && { body: { title: 'x' } }),
      }),
    ),
  );
  return answers.map(({ status }) => status);
}

const refusedEverywhere = (token: string) => async () =>
  (await statuses(token)).every((status) => status === 401);

describe('a revocation', () => {
  test('T-04 counts on every replica within 5 s while the feed is down', async () => {
    const ada = await replicas[0]!.signIn();
    const bob = await replicas[0]!.signIn();
    expect(await statuses(ada.token)).toEqual([200, 200]);

    feed.cut();
    auth.revocations.push({ kind: 'session', id: ada.sessionId, revokedAtMs: Date.now() });

    await waitFor(refusedEverywhere(ada.token), { timeoutMs: 5_000, what: 'the revocation' });
    expect(await statuses(bob.token)).toEqual([200, 200]);
    feed.restore();
  });

  test('T-04 counts on every replica within 5 s after the feed was down in between', async () => {
    const ada = await replicas[0]!.signIn();
    expect(await statuses(ada.token)).toEqual([200, 200]);

    feed.cut();
    feed.restore();
    auth.revocations.push({ kind: 'session', id: ada.sessionId, revokedAtMs: Date.now() });

    await waitFor(refusedEverywhere(ada.token), { timeoutMs: 5_000, what: 'the revocation' });
  });

  test('T-04 of a role ends the tokens that say the old one, and none of the new one', async () => {
    const user = { userId: crypto.randomUUID(), workspaceId: crypto.randomUUID() };
    const ofEpoch = (epoch: number) =>
      auth.sign({ sub: user.userId, wid: user.workspaceId, epoch });
    const [before, after] = [await ofEpoch(7), await ofEpoch(8)];
    const elsewhere = await auth.sign({ sub: user.userId, epoch: 7 });
    expect(await statuses(before)).toEqual([200, 200]);

    const id = membershipId(user.workspaceId, user.userId);
    for (const { queue, redis } of replicas) {
      const fields = { kind: 'roles', id, epoch: 8, revokedAtMs: Date.now() };
      await queue.xadd(revocationStream(redis.prefix), '*', ...Object.entries(fields).flat());
    }

    await waitFor(refusedEverywhere(before), { timeoutMs: 5_000, what: 'the revocation' });
    expect(await statuses(after)).toEqual([200, 200]);
    expect(await statuses(elsewhere)).toEqual([200, 200]);
  });
});
