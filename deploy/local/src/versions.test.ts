import { expect, test } from 'vitest';
import { atLeast, parseVersion } from './versions.js';

test.each([
  ['postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)', '15.20'],
  ['postgres (PostgreSQL) 18beta1', '18'],
  ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64', '7.0.15'],
  ['Valkey server v=8.1.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64', '8.1.4'],
  ['pgvector_0.8.6.orig.tar.gz', '0.8.6'],
])('finds the version in "%s"', (line, version) => {
  expect(parseVersion(line)).toBe(version);
});

test('finds no version where there is none', () => {
  expect(parseVersion('command not found')).toBeUndefined();
});

test.each([
  ['15.20', '15', true],
  ['14.19', '15', false],
  ['0.8.6', '0.8.4', true],
  ['0.8.4', '0.8.4', true],
  ['0.8', '0.8.4', false],
  ['0.10.0', '0.8.4', true],
  ['7.0.15', '7', true],
  ['6.2', '7', false],
])('%s at least %s: %s', (version, oldest, expected) => {
  expect(atLeast(version, oldest)).toBe(expected);
});
