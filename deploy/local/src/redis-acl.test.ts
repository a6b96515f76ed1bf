import { describe, expect, test } from 'vitest';
import { aclFile, aclRules } from './redis-acl.js';

const passwords = { auth: 'a', api: 'b', worker: 'c', admin: 'd' };

describe('the ACL file', () => {
  test('switches the default user off and has one line per user', () => {
    const lines = aclFile('queue', passwords).trim().split('\n');

    expect(lines[0]).toBe('user default off');
    expect(lines.slice(1).map((line) => line.split(' ')[1])).toEqual([
      'auth',
      'api',
      'worker',
      'admin',
    ]);
  });

  test('holds hashes, no password', () => {
    const secret = 'not-to-be-seen';

    expect(aclFile('cache', { ...passwords, api: secret })).not.toContain(secret);
  });
});

describe('the rules of a service', () => {
  test('let the api read the revocations and not write them', () => {
    expect(aclRules('queue', 'api', 'b')).toContain('%R~capstone*:revocations');
    expect(aclRules('queue', 'api', 'b')).not.toContain('~capstone*:revocations');
    expect(aclRules('queue', 'auth', 'a')).toContain('~capstone*:revocations');
  });

  test.each(['auth', 'api', 'worker'] as const)('keep %s to keys of the product', (user) => {
    for (const instance of ['queue', 'cache'] as const) {
      const patterns = aclRules(instance, user, 'x').filter((rule) => /^[%~&]/.test(rule));

      expect(patterns.length).toBeGreaterThan(0);
      expect(patterns.every((pattern) => /^(%R)?[~&]capstone\*:/.test(pattern))).toBe(true);
    }
  });

  test('take administration away after everything that was given', () => {
    const rules = aclRules('queue', 'worker', 'c');
    const lastGiven = rules.findLastIndex((rule) => rule.startsWith('+@'));

    expect(rules.indexOf('-@dangerous')).toBeGreaterThan(lastGiven);
    expect(rules.indexOf('-@admin')).toBeGreaterThan(lastGiven);
  });
});
