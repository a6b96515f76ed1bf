import { readFileSync } from 'node:fs';
import { parseEnv as parseEnvText } from 'node:util';
import { describe, expect, test } from 'vitest';
import { configKeys, loadConfig } from './config.js';

const file = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const example = parseEnvText(file('.env.example')) as Record<string, string>;

describe('the configuration', () => {
  test('can be what .env.example says, and that names every key', () => {
    expect(loadConfig(example).http).toMatchObject({ host: '127.0.0.1', port: 8080 });
    const named = [...file('.env.example').matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(
      ([, key]) => key,
    );
    expect(new Set(named)).toEqual(new Set(configKeys));
  });

  test('is described in the README, key by key', () => {
    const readme = file('README.md');

    expect(configKeys.filter((key) => !readme.includes(`\`${key}\``))).toEqual([]);
  });

  test.each([
    ['RATE_LIMIT_CALLER', '0/60'],
    ['RATE_LIMIT_CALLER', '60'],
    ['HTTP_PORT', '70000'],
    ['HTTP_TRUSTED_PROXY_NETWORKS', '10.0.0.0'],
    ['REDIS_KEY_PREFIX', 'other'],
    ['ASK_PROVIDER', 'other'],
    ['ASK_BASE_URL', 'file:///etc/passwd'],
  ])('refuses %s=%s by its name', (key, value) => {
    expect(() => loadConfig({ ...example, [key]: value })).toThrow(key);
  });

  test('reads networks and allowances', () => {
    const { http, limits } = loadConfig({
      ...example,
      HTTP_TRUSTED_PROXY_NETWORKS: '10.0.0.0/8, fd00::/8',
      RATE_LIMIT_SOURCE: '100/2',
    });

    expect(http.trustedProxies.networks).toEqual(['10.0.0.0/8', 'fd00::/8']);
    expect(limits.source).toEqual({ requests: 100, seconds: 2 });
  });

  test('asks nobody unless told whom, and then needs a model, and for Anthropic a key', () => {
    expect(loadConfig(example).ask.model).toBeUndefined();
    expect(() => loadConfig({ ...example, ASK_PROVIDER: 'openai' })).toThrow('ASK_MODEL');
    const anthropic = { ...example, ASK_PROVIDER: 'anthropic', ASK_MODEL: 'm' };
    expect(() => loadConfig(anthropic)).toThrow('ASK_API_KEY');

    expect(loadConfig({ ...anthropic, ASK_API_KEY: 'k' }).ask.model).toMatchObject({
      provider: 'anthropic',
      baseUrl: 'https://api.anthropic.com',
    });
    const local = {
      ASK_PROVIDER: 'openai',
      ASK_MODEL: 'm',
      ASK_BASE_URL: 'http://localhost:11434/v1',
    };
    expect(loadConfig({ ...example, ...local }).ask.model).toMatchObject({
      baseUrl: 'http://localhost:11434/v1',
      apiKey: undefined,
    });
  });
});
