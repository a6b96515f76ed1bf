import { readFileSync } from 'node:fs';
import { parseEnv as parseDotEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { configKeys, loadConfig } from './config.js';

const example = parseDotEnv(readFile('../.env.example'));

describe('.env.example', () => {
  test('names every setting and no other', () => {
    expect(Object.keys(example).toSorted()).toEqual(configKeys.toSorted());
  });

  test('is valid, and says the defaults', () => {
    const optional = /^(INGESTION|REAPER|ADMIN|LOG|SHUTDOWN|TRACE)_|^DATABASE_(POOL|PIPE|STATE)/;
    const needed = Object.entries(example).filter(([key]) => !optional.test(key));

    expect(loadConfig(example)).toEqual(loadConfig(Object.fromEntries(needed)));
  });
});

describe('the README', () => {
  test('explains every setting', () => {
    const readme = readFile('../README.md');

    expect(configKeys.filter((key) => !readme.includes(`\`${key}\``))).toEqual([]);
  });
});

function readFile(path: string) {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}
