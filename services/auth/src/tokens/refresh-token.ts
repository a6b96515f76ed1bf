import { hkdfSync } from 'node:crypto';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken } from '@capstone/platform/opaque-token';
import { open, seal } from '../seal.js';

const prefix = 'cap_rt_';

export function mintRefreshToken(): string {
  return mintOpaqueToken(prefix);
}

export function isRefreshToken(text: string): boolean {
  return isOpaqueToken(prefix, text);
}

export function hashRefreshToken(pepper: Buffer, token: string): Buffer {
  return hashOpaqueToken(pepper, token);
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
