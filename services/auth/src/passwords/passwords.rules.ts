import { parseOptions } from '@node-rs/argon2';
import type { ParsedHashOptions } from '@node-rs/argon2';
import { commonPasswords } from './common-passwords.js';

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

/** True when a sign-in should store the password anew: the policy has moved on since. */
export function isOutdated(storedHash: string): boolean {
  const stored = parse(storedHash);
  const { memoryCost, timeCost, parallelism } = hashingPolicy;
  return (
    stored?.memoryCost !== memoryCost ||
    stored.timeCost !== timeCost ||
    stored.parallelism !== parallelism
  );
}

/** Who the password is for: their names are the first that others try. */
export interface Person {
  readonly email: string;
  readonly name: string | undefined;
}

const product = 'capstone';
const walks = [
  'qwertyuiopasdfghjklzxcvbnm',
  'qazwsxedcrfvtgbyhnujmikolp',
  'abcdefghijklmnopqrstuvwxyz',
].flatMap((walk) => [walk, Array.from(walk).toReversed().join('')]);
const digitRuns = ['01234567890123456789', '98765432109876543210'];

/**
 * ASVS 6.2.4 and 6.2.11: a common password, one with little added to it, or one made of the product's or the person's own
 * name and little else. What is long enough and was not thought of by others passes, whatever it consists of.
 */
export function isPredictable(password: string, person: Person): boolean {
  const text = password.toLowerCase();
  if (isCommonCore(text) || new Set(text).size < 4) return true;
  return [text, withoutLeet(text)].some((spelling) => {
    const { core, added } = withoutDecoration(spelling);
    return (isCommonCore(core) && isPredictableTail(added)) || isAboutNames(spelling, person);
  });
}

function isCommonCore(core: string): boolean {
  return (
    commonPasswords.has(core) ||
    commonPasswords.has(repeatedUnit(core)) ||
    (core.length >= 6 && walks.some((walk) => walk.includes(core)))
  );
}

function repeatedUnit(text: string): string {
  return /^(.+?)\1+$/u.exec(text)?.[1] ?? text;
}

/** Digits and signs at both ends are where people put what a rule made them add. */
function withoutDecoration(text: string): { core: string; added: string[] } {
  const [, before = '', core = '', after = ''] = /^(\P{L}*)(.*?)(\P{L}*)$/su.exec(text) ?? [];
  return { core, added: [before, after] };
}

function isPredictableTail(added: readonly string[]): boolean {
  return added.every((part) => {
    const digits = part.replaceAll(/\D/g, '');
    const isRun = digitRuns.some((run) => run.includes(digits)) || /^(\d)\1*$/.test(digits);
    return part.length <= 4 || (part.length - digits.length <= 4 && (digits.length <= 4 || isRun));
  });
}

function isAboutNames(text: string, { email, name }: Person): boolean {
  const [local = '', domain = ''] = email.toLowerCase().split('@');
  const own = [local, ...local.split(/[._+-]/), ...domain.split('.')];
  const names = [product, email.toLowerCase(), ...own, ...(name?.toLowerCase().split(/\s+/) ?? [])];
  return names.some(
    (each) => each.length >= 4 && text.includes(each) && text.length - each.length < 8,
  );
}

const leet: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** Signs that stand between letters for a letter; at the ends they are decoration. */
function withoutLeet(text: string): string {
  const { core, added } = withoutDecoration(text);
  const plain = core.replaceAll(/[013457@$!]/g, (sign) => leet[sign] ?? sign);
  return `${added[0]}${plain}${added[1]}`;
}
