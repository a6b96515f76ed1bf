// A service as small as can be, for bootstrap.test.ts: what it does besides starting is told by FIXTURE.
import { createServer } from 'node:http';
import { commonConfig, commonEnv, parseEnv } from '@capstone/platform/config';
import { runService } from '@capstone/platform/bootstrap';
import { z } from 'zod';

const schema = z.object({
  ...commonEnv,
  FIXTURE: z.string().optional(),
  HTTP_PORT: commonEnv.ADMIN_PORT,
});

await runService({
  name: 'fixture',
  version: '1.2.3',
  loadConfig: () =>
    parseEnv(
      schema.transform((env) => ({
        ...commonConfig(env),
        fixture: env.FIXTURE,
        port: env.HTTP_PORT,
      })),
      process.env,
    ),
  async start({ config, logger, health, stopping }) {
    health.register('database', () => Promise.resolve());
    if (config.fixture === 'unreachable') await fetch('http://127.0.0.1:1/');
    if (config.fixture === 'bug') throw new TypeError('undefined is not a function');
    if (config.fixture === 'throws') void Promise.reject(new Error('nobody awaited this'));
    const server = createServer((_request, response) => response.end('hello'));
    await new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(config.port, '127.0.0.1', resolve);
    });
    logger.info({ port: server.address().port }, 'listening');
    return {
      async close() {
        logger.info({ stopping: stopping.aborted }, 'closing');
        if (config.fixture === 'hangs') await new Promise(() => setInterval(() => {}, 1000));
        await new Promise((resolve) => server.close(resolve));
      },
    };
  },
});
