import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { commonConfig, commonEnv, ConfigError, integer, parseEnv, secretKey } from './config.js';

const env = {
  ADMIN_PORT: '9080',
  DATABASE_URL: 'postgres://capstone_api:hunter2@localhost:5432/app',
  REDIS_QUEUE_URL: 'rediss://api:hunter2@localhost:6379',
  REDIS_CACHE_URL: 'rediss://api:hunter2@localhost:6380',
  TLS_CA_FILE: 'ca.crt',
  TLS_CERT_FILE: 'api.crt',
  TLS_KEY_FILE: 'api.key',
};
const Common = z.object(commonEnv).transform(commonConfig);

function faultsOf(read: () => unknown) {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('The configuration was accepted.');
}

describe('the common settings', () => {
  test('have defaults for what is no secret and no address', () => {
    expect(parseEnv(Common, env)).toMatchObject({
      log: { level: 'info' },
      admin: { host: '127.0.0.1', port: 9080 },
      database: { poolSize: 10, pipelines: 2, statementTimeoutMs: 5_000, caFile: undefined },
      redis: { keyPrefix: 'capstone' },
      tracing: { sampleRatio: 0.01, endpoint: undefined },
      shutdownTimeoutMs: 10_000,
    });
  });

  test('are frozen all the way down', () => {
    const config = parseEnv(Common, env);

    expect(() => Object.assign(config.database, { poolSize: 1 })).toThrow(TypeError);
  });

  test('report every fault at once, by key, and no value', () => {
    const { faults, message } = faultsOf(() =>
      parseEnv(Common, {
        ...env,
        ADMIN_PORT: '99999',
        DATABASE_URL: `${env.DATABASE_URL}?sslmode=disable`,
        REDIS_QUEUE_URL: 'http://hunter2',
        REDIS_CACHE_URL: undefined,
        TLS_KEY_FILE: '',
        LOG_LEVEL: 'hunter2',
      }),
    );

    expect(faults.map(({ key }) => key).toSorted()).toEqual([
      'ADMIN_PORT',
      'DATABASE_URL',
      'LOG_LEVEL',
      'REDIS_CACHE_URL',
      'REDIS_QUEUE_URL',
      'TLS_KEY_FILE',
    ]);
    expect(message).toContain('  REDIS_CACHE_URL: is not set, and has no default');
    expect(message).toContain('  TLS_KEY_FILE: is not set, and has no default');
    expect(message).toContain('  REDIS_QUEUE_URL: must be a redis:// or rediss:// URL');
    expect(message).not.toContain('hunter2');
  });

  test('treat a blank value as not set', () => {
    expect(parseEnv(Common, { ...env, LOG_LEVEL: '' }).log.level).toBe('info');
  });
});

describe('a whole number', () => {
  test.each(['', '1.5', '-1', '1e3', '0x10', ' 1', '101'])('is not %j', (value) => {
    const schema = z.object({ N: integer({ min: 0, max: 100 }) });

    expect(() => parseEnv(schema, { N: value })).toThrow(ConfigError);
  });
});

describe('a secret key', () => {
  test('is 32 bytes in base64, and stays out of the message when it is not', () => {
    const schema = z.object({ KEY: secretKey });
    const good = Buffer.alloc(32, 7).toString('base64');

    expect(parseEnv(schema, { KEY: good }).KEY).toHaveLength(32);
    const { message } = faultsOf(() => parseEnv(schema, { KEY: 'aHVudGVyMg==' }));
    expect(message).toBe('The configuration is not valid:\n  KEY: must be 32 bytes in base64');
  });
});
