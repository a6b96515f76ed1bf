import { randomUUID } from 'node:crypto';
import { certificateFor } from '@capstone/testing/certs';
import { testRedis } from '@capstone/testing/redis';
import { startTcpProxy } from '@capstone/testing/tcp-proxy';
import { waitFor } from '@capstone/testing/wait-for';
import { afterAll, describe, expect, test } from 'vitest';
import { createLogger } from '../src/log.js';
import { connectRedis, disconnectRedis, isRedisUnavailable } from '../src/redis.js';
import { silent } from './items.js';

const server = testRedis();
const options = {
  url: server.cacheUrl('api'),
  caFile: server.caFile,
  name: 'test',
  logger: silent,
};
const key = () => `${server.prefix}:cache:${randomUUID()}`;

afterAll(() => server.flush());

/** A logger and the messages that it was given. */
function recording() {
  const messages: string[] = [];
  const write = (line: string) => void messages.push((JSON.parse(line) as { msg: string }).msg);
  return {
    messages,
    logger: createLogger({ service: 't', level: 'info', destination: { write } }),
  };
}

describe('a connection to Redis', () => {
  test('fails a command in bounded time, with an error that says why', async () => {
    const proxy = await startTcpProxy(options.url);
    const redis = connectRedis({ ...options, url: proxy.url });
    await redis.set(key(), '1');

    proxy.cut();
    const before = performance.now();
    const failure = await redis.set(key(), '1').catch((error: unknown) => error);

    expect(isRedisUnavailable(failure)).toBe(true);
    expect(performance.now() - before).toBeLessThan(6_000);
    await disconnectRedis(redis);
    await proxy.close();
  });

  test('logs a loss once, and its end once', async () => {
    const proxy = await startTcpProxy(options.url);
    const { messages, logger } = recording();
    const redis = connectRedis({ ...options, url: proxy.url, logger });
    await redis.ping();

    proxy.cut();
    await expect(redis.ping()).rejects.toThrow();
    await expect(redis.ping()).rejects.toThrow();
    proxy.restore();
    await waitFor(() => redis.ping());

    expect(messages).toEqual(['redis is not reachable', 'redis is reachable again']);
    await disconnectRedis(redis);
    await proxy.close();
  });

  test('for blocking waits for the server instead of failing', async () => {
    const proxy = await startTcpProxy(options.url);
    proxy.cut();
    const redis = connectRedis({ ...options, url: proxy.url, forBlocking: true });

    const answer = redis.ping();
    proxy.restore();

    expect(await answer).toBe('PONG');
    await disconnectRedis(redis);
    await proxy.close();
  });

  test('closes in every state, and stays closed', async () => {
    const proxy = await startTcpProxy(options.url);
    const [connecting, ready, reconnecting] = [
      connectRedis({ ...options, url: proxy.url }),
      connectRedis({ ...options, url: proxy.url }),
      connectRedis({ ...options, url: proxy.url }),
    ];
    await Promise.all([disconnectRedis(connecting), ready.ping(), reconnecting.ping()]);
    await disconnectRedis(ready);
    proxy.cut();
    await waitFor(() => reconnecting.status === 'reconnecting');
    await disconnectRedis(reconnecting);
    await disconnectRedis(reconnecting);

    proxy.restore();
    for (const redis of [connecting, ready, reconnecting]) {
      await expect(redis.ping()).rejects.toThrow();
    }
    await proxy.close();
  });

  test('refuses a server whose certificate another authority signed', async () => {
    const { messages, logger } = recording();
    const redis = connectRedis({ ...options, caFile: certificateFor('api').certFile, logger });

    await expect(redis.ping()).rejects.toThrow();

    expect(messages).toEqual(['redis is not reachable']);
    await disconnectRedis(redis);
  });
});
