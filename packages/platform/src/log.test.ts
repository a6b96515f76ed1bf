import { describe, expect, test } from 'vitest';
import { NestLog, createLogger } from './log.js';
import { openTrace, runInTrace } from './tracing.js';

function capture(level = 'trace') {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ service: 'test', level, destination });
  return {
    logger,
    text: () => lines.join(''),
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

const canary = 'canary-5f1c9a';

describe('a line', () => {
  test('is JSON with level, time, service and message', () => {
    const { logger, lines } = capture();
    logger.info({ taskId: 'a' }, 'task created');
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        service: 'test',
        taskId: 'a',
        msg: 'task created',
      },
    ]);
  });

  test('carries the trace id inside a trace', () => {
    const { logger, lines } = capture();
    const trace = openTrace('GET /', undefined);
    runInTrace(trace, () => logger.info('inside'));
    logger.info('outside');
    expect(lines().map((line) => line['traceId'])).toEqual([trace.traceId, undefined]);
  });
});

describe('secrets', () => {
  test.each([
    'password',
    'newPassword',
    'current_password',
    'token',
    'accessToken',
    'refresh-token',
    'authorization',
    'Authorization',
    'Proxy-Authorization',
    'cookie',
    'set-cookie',
    'key',
    'apiKey',
    'privateKey',
    'AUTH_KEY_ENCRYPTION_KEY',
    'AUTH_PASSWORD_PEPPER',
    'clientSecret',
    'credentials',
  ])('under the name %s never show, at any depth', (name) => {
    const { logger, text } = capture();
    logger.info({ [name]: canary }, 'flat');
    logger.info({ a: { b: [{ c: { [name]: canary } }] } }, 'deep');
    logger.info({ [name]: { nested: [canary] } }, 'structured');
    logger.child({ [name]: canary }).info('child');
    logger
      .child({ a: 1 })
      .child({ request: { [name]: canary } })
      .info('grandchild');
    expect(text()).not.toContain(canary);
    expect(text()).toContain('[redacted]');
  });

  test.each([
    ['a URL with a password', `postgres://capstone_api:${canary}@localhost:5432/app`],
    ['a URL with only a password', `redis://:${canary}@localhost:6379`],
    ['a bearer token', `Bearer ${canary}`],
    ['a JWT', `eyJhbGciOiJFUzI1NiJ9.${canary}.${canary}`],
    ['an API key', `cap_${canary}`],
  ])('of the shape of %s never show, wherever they stand', (_what, secret) => {
    const { logger, text } = capture();
    logger.info({ url: secret }, 'field');
    logger.info(`message with ${secret} in it`);
    logger.error(new Error(`failed with ${secret}`));
    logger.error({ err: new Error('outer', { cause: new Error(secret) }) }, 'caused');
    expect(text()).not.toContain(canary);
    for (const line of text().trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  });

  test('hung on an error by a library stay behind, its chain of causes is kept', () => {
    const { logger, lines, text } = capture();
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new Error('query failed', { cause }), {
      config: { headers: { 'x-thing': canary } },
      detail: `Key (email)=(${canary}) already exists.`,
      constraint: 'users_email_key',
    });
    logger.error({ err: error }, 'request failed unexpectedly');

    expect(text()).not.toContain(canary);
    expect(lines()[0]).toMatchObject({
      err: {
        type: 'Error',
        message: 'query failed',
        constraint: 'users_email_key',
        stack: expect.stringContaining('log.test'),
        cause: { message: 'refused', code: 'ECONNREFUSED' },
      },
    });
  });

  test('do not take harmless neighbours with them', () => {
    const { logger, lines } = capture();
    logger.info({ tokenId: 'a', keyId: 'b', code: 'c', tokens: undefined, at: new Date(0) }, 'x');
    expect(lines()[0]).toMatchObject({
      tokenId: 'a',
      keyId: 'b',
      code: 'c',
      at: '1970-01-01T00:00:00.000Z',
    });
  });
});

test('a circular or very deep object is logged and not followed for ever', () => {
  const { logger, lines } = capture();
  const circle: Record<string, unknown> = { name: 'circle' };
  circle['self'] = circle;
  logger.info({ circle }, 'x');
  expect(lines()[0]).toMatchObject({ circle: { self: { name: 'circle' } } });
});

describe('NestLog', () => {
  test('puts start-up chatter at debug, faults where they belong', () => {
    const { logger, lines } = capture();
    const log = new NestLog(logger);
    log.log('Mapped {/tasks, GET} route', 'RouterExplorer');
    log.warn('careful', 'Nest');
    log.error(new Error('broken'), 'ExceptionsHandler');
    log.error('broken', 'Error: broken\n    at here', 'ExceptionsHandler');
    expect(lines()).toMatchObject([
      { level: 'debug', context: 'RouterExplorer', msg: 'Mapped {/tasks, GET} route' },
      { level: 'warn', context: 'Nest' },
      { level: 'error', context: 'ExceptionsHandler', err: { message: 'broken' } },
      { level: 'error', context: 'ExceptionsHandler', stack: expect.stringContaining('at here') },
    ]);
  });
});
