import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { open, seal } from '../seal.js';

const prefix = 'cap_rt_';
const secretLength = 43;
const checksumLength = 6;
const pattern = /^cap_rt_[0-9A-Za-z]{49}$/;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `cap_rt_`, 256 random bits and a checksum. The prefix lets secret scanners find one that leaked. */
export function mintRefreshToken(): string {
  const secret = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), secretLength);
  return `${prefix}${secret}${checksum(secret)}`;
}

/** False for what we cannot have made: mistyped and invented tokens cost no query. */
export function isRefreshToken(text: string): boolean {
  if (!pattern.test(text)) return false;
  const secret = text.slice(prefix.length, -checksumLength);
  return text.endsWith(checksum(secret));
}

/** How a token is stored and found: without the pepper the stored form proves nothing and cannot be tried out. */
export function hashRefreshToken(pepper: Buffer, token: string): Buffer {
  return createHmac('sha256', pepper).update(token).digest();
}

/** Seals a successor so that only the holder of the token it replaces can open it: the key is derived from that one. */
export function sealSuccessor(parent: { token: string; hash: Buffer }, successor: string): Buffer {
  return seal(replayKey(parent.token), Buffer.from(successor), parent.hash);
}

export function openSuccessor(parent: { token: string; hash: Buffer }, sealed: Buffer): string {
  return open(replayKey(parent.token), sealed, parent.hash).toString();
}

/** The token has 256 bits of its own, so HKDF needs no salt (RFC 5869 section 3.1). */
function replayKey(token: string): Buffer {
  return Buffer.from(hkdfSync('sha256', token, '', 'capstone refresh successor', 32));
}

function checksum(secret: string): string {
  return base62(BigInt(crc32(secret)), checksumLength);
}

function base62(value: bigint, length: number): string {
  let digits = '';
  for (let rest = value; digits.length < length; rest /= 62n) {
    digits = alphabet[Number(rest % 62n)] + digits;
  }
  return digits;
}
