import { createHmac, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const secretLength = 43;
const checksumLength = 6;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `prefix`, 256 random bits in base62 and a checksum. The prefix lets secret scanners find one that leaked. */
export function mintOpaqueToken(prefix: string): string {
  const body = prefix + randomBase62(secretLength);
  return body + checksum(body);
}

/** False for what `mintOpaqueToken` cannot have made with this prefix: mistyped and invented tokens cost no query. */
export function isOpaqueToken(prefix: string, text: string): boolean {
  if (text.length !== prefix.length + secretLength + checksumLength) return false;
  if (!text.startsWith(prefix) || !/^[0-9A-Za-z]+$/.test(text.slice(prefix.length))) return false;
  return text.endsWith(checksum(text.slice(0, -checksumLength)));
}

/** How a token is stored and found: without the pepper the stored form proves nothing and cannot be tried out. */
export function hashOpaqueToken(pepper: Buffer, token: string): Buffer {
  return createHmac('sha256', pepper).update(token).digest();
}

/** Random digits and letters, for ids that people read beside a secret. */
export function randomBase62(length: number): string {
  const bits = BigInt(`0x${randomBytes(Math.ceil(length * 0.75) + 8).toString('hex')}`);
  return base62(bits, length);
}

function checksum(body: string): string {
  return base62(BigInt(crc32(body)), checksumLength);
}

function base62(value: bigint, length: number): string {
  let digits = '';
  for (let rest = value; digits.length < length; rest /= 62n) {
    digits = alphabet[Number(rest % 62n)] + digits;
  }
  return digits;
}
