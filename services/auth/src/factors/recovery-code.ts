import { createHmac, randomBytes } from 'node:crypto';
import { toBase32 } from './base32.js';

/** 120 bits each: above the 112 from which ASVS 6.5.2 takes a plain keyed hash, and 24 whole characters. */
const codeBytes = 15;
const codesEach = 10;

export function mintRecoveryCodes(): string[] {
  return Array.from({ length: codesEach }, () => toBase32(randomBytes(codeBytes)));
}

/** In groups, for the eye. */
export function toReadable(code: string): string {
  return code.match(/.{1,6}/g)!.join('-');
}

/** Bound to the person: the same code of two people has two hashes. */
export function hashRecoveryCode(pepper: Buffer, userId: string, code: string): Buffer {
  return createHmac('sha256', pepper)
    .update(`recovery code of ${userId}: ${code.toUpperCase()}`)
    .digest();
}
