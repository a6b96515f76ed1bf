import { describe, expect, test } from 'vitest';
import { commonPasswords } from './common-passwords.js';
import { isOutdated, isPredictable, isWithinBounds } from './passwords.rules.js';

const salt = 'c29tZXNhbHRzb21lc2FsdA';
const output = 'RdescudvJCsgt3ub+b4dWRWJTmaaJObGRdescudvJCs';

describe('A-02 isWithinBounds', () => {
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

describe('isOutdated', () => {
  test.each([
    ['what we write now', 'm=19456,t=2,p=1', false],
    ['less memory', 'm=12288,t=2,p=1', true],
    ['fewer passes', 'm=19456,t=1,p=1', true],
    ['the policy of another time', 'm=47104,t=1,p=1', true],
  ])('of %s', (_what, parameters, outdated) => {
    expect(isOutdated(`$argon2id$v=19$${parameters}$${salt}$${output}`)).toBe(outdated);
  });
});

describe('A-04 isPredictable', () => {
  const ada = { email: 'ada.lovelace@example.com', name: 'Ada Byron' };

  test('knows more than 3000 common passwords, and looks one up at once', () => {
    expect(commonPasswords.size).toBeGreaterThan(3_000);
  });

  test.each([
    'password1234567',
    'Password1234',
    'P@ssw0rd1234567',
    'passwordpassword',
    'passw0rdpassw0rd',
    'qwertyqwerty',
    'qwertyuiop123',
    'qwertyuiopasdfgh',
    '1qaz2wsx3edc4rfv',
    '123456789012',
    'aaaaaaaaaaaaaaa',
    'iloveyou2026',
    'welcome12345',
    'Dragon!!2024',
    'trustno1trustno1',
    'adminadminadmin',
    'letmeinletmein',
    'Capstone2026!!',
    'c4pstone-2026',
    'ada.lovelace2026',
    'Lovelace!2026',
    'byron-1234567',
    'ada.lovelace@example.com',
    'example-2026',
  ])('knows %s', (password) => {
    expect(isPredictable(password, ada)).toBe(true);
  });

  test.each([
    'correct horse battery staple',
    '   blanks at both ends   ',
    'пароль из многих слов',
    'capstone in a much longer sentence',
    'kR8$vv2Lq0-p!',
    'dragon84629175',
    'purple tram 19',
    'd7f3a9c1e5b2',
    '日本語のパスワード',
  ])('lets %s pass', (password) => {
    expect(isPredictable(password, ada)).toBe(false);
  });
});
