import { parseOptions } from '@node-rs/argon2';
import type { ParsedHashOptions } from '@node-rs/argon2';

/** OWASP's and ASVS 11.4.2's floor for Argon2id. */
export const hashingPolicy = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/**
 * What a stored hash may ask for. The library obeys whatever a row says: one planted with m=2 GiB cost 9 s and 2 GB of
 * memory for a single sign-in, so a row outside these bounds is not tried at all.
 */
const bounds = {
  memoryCost: [8_192, 65_536],
  timeCost: [1, 6],
  parallelism: [1, 4],
  outputLen: [16, 64],
  saltLen: [8, 64],
} as const satisfies Partial<Record<keyof ParsedHashOptions, readonly [number, number]>>;

export function isWithinBounds(storedHash: string): boolean {
  const stored = storedHash.startsWith('$argon2id$') ? parse(storedHash) : undefined;
  if (!stored) return false;
  return Object.entries(bounds).every(([name, [least, most]]) => {
    const value = stored[name as keyof typeof bounds];
    return value >= least && value <= most;
  });
}

function parse(storedHash: string): ParsedHashOptions | undefined {
  try {
    return parseOptions(storedHash);
  } catch {
    return undefined;
  }
}

/** Long enough, and still the first thing anybody would try. */
const commonPasswords = new Set([
  '123456789012',
  '1234567890123',
  '12345678901234',
  '123456789012345',
  '1234567890123456',
  'adminadminadmin',
  'changemechangeme',
  'iloveyouiloveyou',
  'letmeinletmein',
  'passwordpassword',
  'password1234',
  'password12345',
  'password123456',
  'password1234567',
  'passw0rdpassw0rd',
  'qwertyqwerty',
  'qwertyuiop123',
  'qwertyuiopasdf',
  'qwertyuiopasdfgh',
  'qwerty123456',
  'welcome12345',
  'trustno1trustno1',
]);

const productNames = ['capstone'];

/** ASVS 6.2.4 and 6.2.11: a common password, or one made of the product's or the person's own name and little else. */
export function isPredictable(password: string, email: string): boolean {
  const text = password.toLowerCase();
  if (commonPasswords.has(text) || new Set(text).size < 4) return true;
  const names = [...productNames, email, email.split('@')[0]!].filter((name) => name.length >= 4);
  return names.some((name) => text.includes(name) && text.length - name.length < 8);
}
