import { describe, expect, test } from 'vitest';
import { adminUrlsOf, originOf, parseLoadArguments, seconds } from './arguments.js';
import { OperatorError } from './operator-error.js';

describe('parseLoadArguments', () => {
  test('takes a profile and its figures', () => {
    const args = parseLoadArguments([
      'milestone',
      '--rate',
      '200',
      '--duration',
      '1m',
      '--ramp=5s',
    ]);

    expect(args).toMatchObject({ command: 'milestone', rate: 200, seconds: 60, rampSeconds: 5 });
  });

  test('drops the dashes that pnpm passes on', () => {
    expect(parseLoadArguments(['--', 'smoke']).command).toBe('smoke');
  });

  test('shows the help when nothing is asked for', () => {
    expect(parseLoadArguments([]).command).toBe('help');
  });

  test.each([
    [['smok'], 'There is no profile smok'],
    [['smoke', 'auth'], 'One profile at a time'],
    [['smoke', '--rate', 'fast'], '--rate is a number'],
    [['smoke', '--rate', '-1'], '--rate'],
    [['smoke', '--tasks', '1.5'], '--tasks is a whole number'],
    [['smoke', '--duration', '5 minutes'], '--duration is a time'],
    [['smoke', '--admin', 'api'], '--admin takes service=URL'],
    [['smoke', '--speed', '9'], '--speed'],
  ])('refuses %j with a sentence', (args, sentence) => {
    expect(() => parseLoadArguments(args)).toThrow(OperatorError);
    expect(() => parseLoadArguments(args)).toThrow(sentence);
  });
});

describe('originOf', () => {
  test.each([
    ['http://localhost:8080', 'http://localhost:8080'],
    ['http://127.0.0.1:8080/api/v1/', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080/api/v1', 'http://[::1]:8080'],
    ['https://api.localhost/capstone', 'https://api.localhost/capstone'],
  ])('%s is %s', (url, origin) => {
    expect(originOf(url, false)).toBe(origin);
  });

  test.each([
    'http://example.com',
    'http://127.0.0.1.example.com',
    'http://10.0.0.1:8080',
    'http://localhost.example.com',
  ])('another machine, %s, must be asked for', (url) => {
    expect(() => originOf(url, false)).toThrow('--allow-remote');
    expect(originOf(url, true)).toBe(url);
  });

  test.each(['localhost:8080', 'ftp://localhost', 'nonsense'])('%s is no base URL', (url) => {
    expect(() => originOf(url, true)).toThrow(OperatorError);
  });
});

describe('adminUrlsOf', () => {
  test('knows the ports of the local stack', () => {
    expect(adminUrlsOf(undefined, 'http://localhost:8080')).toHaveProperty(
      'worker',
      'http://127.0.0.1:9082',
    );
  });

  test('guesses nothing about another machine', () => {
    expect(adminUrlsOf(undefined, 'https://example.com')).toEqual({});
  });

  test('takes a list', () => {
    const list = 'api=http://one:9080/,auth=http://two:9081';

    expect(adminUrlsOf(list, 'https://example.com')).toEqual({
      api: 'http://one:9080',
      auth: 'http://two:9081',
    });
  });
});

test.each([
  ['90', 90],
  ['30s', 30],
  ['5m', 300],
  ['1.5h', 5400],
])('%s is %d seconds', (text, expected) => {
  expect(seconds('--duration', text)).toBe(expected);
});
