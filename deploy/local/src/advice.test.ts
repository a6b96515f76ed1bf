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
  expect(installAdvice(machine)).toMatch(expected);
});

test('the advice names the oldest versions that do', () => {
  expect(installAdvice({ platform: 'linux', distribution: [] })).toMatch(
    /Postgres 15\+, pgvector 0\.8\.4\+ and Redis 7\+/,
  );
});
