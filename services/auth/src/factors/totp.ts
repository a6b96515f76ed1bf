import { createHmac, timingSafeEqual } from 'node:crypto';
import { toBase32 } from './base32.js';

const stepMs = 30_000;
const digits = 6;

/** RFC 4226 section 4: a seed as long as the hash. */
export const seedBytes = 20;

export function stepAt(nowMs: number): number {
  return Math.floor(nowMs / stepMs);
}

/** RFC 6238 as every authenticator app has it: HMAC-SHA-1, steps of 30 s, six digits. */
export function totpCode(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', seed).update(counter).digest();
  const offset = digest.at(-1)! & 0x0f;
  const number = digest.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/**
 * The step `code` is of: this one, or the one before for whoever types slowly, and only one newer than `lastStep`: an
 * accepted step is over, and so are all before it (RFC 6238 section 5.2). Undefined when it is of none.
 */
export function matchingStep(
  seed: Buffer,
  code: string,
  { nowMs, lastStep }: { nowMs: number; lastStep: number },
): number | undefined {
  const now = stepAt(nowMs);
  return [now, now - 1].find((step) => step > lastStep && isSame(totpCode(seed, step), code));
}

/** What an app reads from the QR code. */
export function otpauthUri(product: string, account: string, seed: Buffer): string {
  const label = `${encodeURIComponent(product)}:${encodeURIComponent(account)}`;
  const issuer = encodeURIComponent(product);
  return `otpauth://totp/${label}?secret=${toBase32(seed)}&issuer=${issuer}&algorithm=SHA1&digits=${digits}&period=30`;
}

function isSame(expected: string, given: string): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given)];
  return one.length === other.length && timingSafeEqual(one, other);
}
