import { expect, test } from 'vitest';
import { installAdvice, type Machine } from './advice.js';

const machines: [string, Machine, RegExp][] = [
  ['macOS', { platform: 'darwin', distribution: [] }, /brew install postgresql@18 pgvector redis/],
  ['Windows', { platform: 'win32', distribution: [] }, /WSL 2/],
  ['Ubuntu', { platform: 'linux', distribution: ['ubuntu', 'debian'] }, /sudo apt-get install/],
  ['Rocky', { platform: 'linux', distribution: ['rocky', 'rhel', 'fedora'] }, /sudo dnf install/],
  ['Arch', { platform: 'linux', distribution: ['arch'] }, /sudo pacman/],
  ['Alpine', { platform: 'linux', distribution: ['alpine'] }, /apk add/],
  ['another Linux', { platform: 'linux', distribution: ['void'] }, /package manager/],
];

test.each(machines)('on %s the advice names its own way to install', (_, machine, expected) => {
  expect(installAdvice(['Redis 7+'], machine)).toMatch(expected);
});

test('the advice names what is missing', () => {
  const missing = ['pgvector 0.8.4+ for Postgres 15.20', 'Redis 7+'];

  expect(installAdvice(missing, { platform: 'linux', distribution: [] })).toMatch(
    /^This machine has no pgvector 0\.8\.4\+ for Postgres 15\.20 and no Redis 7\+,/,
  );
});
