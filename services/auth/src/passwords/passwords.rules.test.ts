import { describe, expect, test } from 'vitest';
import { isPredictable, isWithinBounds } from './passwords.rules.js';

const salt = 'c29tZXNhbHRzb21lc2FsdA';
const output = 'RdescudvJCsgt3ub+b4dWRWJTmaaJObGRdescudvJCs';

describe('isWithinBounds', () => {
  test('accepts what we write', () => {
    expect(isWithinBounds(`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${output}`)).toBe(true);
  });

  test.each([
    ['two gigabytes of memory', `$argon2id$v=19$m=2097152,t=2,p=1$${salt}$${output}`],
    ['too little memory', `$argon2id$v=19$m=8,t=2,p=1$${salt}$${output}`],
    ['a thousand passes', `$argon2id$v=19$m=19456,t=1000,p=1$${salt}$${output}`],
    ['255 lanes', `$argon2id$v=19$m=19456,t=2,p=255$${salt}$${output}`],
    ['another algorithm', `$argon2i$v=19$m=19456,t=2,p=1$${salt}$${output}`],
    ['another scheme', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
    ['nothing', ''],
  ])('refuses %s', (_what, stored) => {
    expect(isWithinBounds(stored)).toBe(false);
  });
});

describe('isPredictable', () => {
  test.each([
    ['password1234567'],
    ['Password1234'],
    ['aaaaaaaaaaaaaaa'],
    ['Capstone2026!!'],
    ['ada.lovelace2026'],
    ['ada.lovelace@example.com'],
  ])('knows %s', (password) => {
    expect(isPredictable(password, 'ada.lovelace@example.com')).toBe(true);
  });

  test.each([
    ['correct horse battery staple'],
    ['   blanks at both ends   '],
    ['пароль из многих слов'],
    ['capstone in a much longer sentence'],
  ])('lets %s pass', (password) => {
    expect(isPredictable(password, 'ada.lovelace@example.com')).toBe(false);
  });
});
