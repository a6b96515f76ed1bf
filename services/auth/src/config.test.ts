import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseEnv as parseDotEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { AuthEnv, loadConfig } from './config.js';

const example = parseDotEnv(readFile('../.env.example'));
const secrets = ['AUTH_PASSWORD_PEPPER', 'AUTH_TOKEN_PEPPER', 'AUTH_KEY_ENCRYPTION_KEY'];
const filled = { ...example, ...Object.fromEntries(secrets.map((key) => [key, random()])) };

describe('.env.example', () => {
  test('names every setting and no other', () => {
    expect(Object.keys(example).toSorted()).toEqual(Object.keys(AuthEnv.shape).toSorted());
  });

  test('A-11 is valid once the secrets are filled in, and only then', () => {
    expect(loadConfig(filled)).toMatchObject({ grpc: { host: '127.0.0.1', port: 7070 } });
    expect(faultsOf(example)).toEqual(secrets);
  });
});

describe('the README', () => {
  test('explains every setting', () => {
    const readme = readFile('../README.md');

    expect(Object.keys(AuthEnv.shape).filter((key) => !readme.includes(`\`${key}\``))).toEqual([]);
  });
});

describe('loadConfig', () => {
  test.each([
    ['is a placeholder', Buffer.from('changeme'.repeat(4)).toString('base64')],
    ['is all zeros', Buffer.alloc(32).toString('base64')],
    ['is too short', Buffer.from('0123456789abcdef').toString('base64')],
  ])('A-11 refuses a secret that %s', (_what, value) => {
    expect(faultsOf({ ...filled, AUTH_TOKEN_PEPPER: value })).toEqual(['AUTH_TOKEN_PEPPER']);
  });

  test('refuses one secret for two purposes', () => {
    const shared = random();
    const env = { ...filled, AUTH_TOKEN_PEPPER: shared, AUTH_PASSWORD_PEPPER: shared };

    expect(faultsOf(env)).toEqual(['AUTH_TOKEN_PEPPER']);
  });

  test('never repeats a secret in its complaint', () => {
    const short = randomBytes(16).toString('base64');

    expect(() => loadConfig({ ...filled, AUTH_TOKEN_PEPPER: short })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(short) as string }),
    );
  });
});

function faultsOf(env: Record<string, string | undefined>): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    return (error as { faults: { key: string }[] }).faults.map(({ key }) => key);
  }
}

function random() {
  return randomBytes(32).toString('base64');
}

function readFile(path: string) {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}
