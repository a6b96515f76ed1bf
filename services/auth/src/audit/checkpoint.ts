import { createPrivateKey, createPublicKey, hkdfSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** How far a chain had come, and when that was said. */
export interface Checkpoint {
  readonly chainId: string;
  readonly seq: number;
  readonly hash: Buffer;
  readonly signedAtMs: number;
  readonly signature: Buffer;
}

/** PKCS #8 of an Ed25519 key, up to its 32 bytes (RFC 8410 section 7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Derived, so that a checkpoint of years ago verifies for as long as the encryption key is kept. */
export function checkpointKey(encryptionKey: Buffer): KeyObject {
  const seed = hkdfSync('sha256', encryptionKey, '', 'capstone audit checkpoint', 32);
  const der = Buffer.concat([pkcs8, Buffer.from(seed)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

export function signCheckpoint(key: KeyObject, said: Omit<Checkpoint, 'signature'>): Checkpoint {
  return { ...said, signature: sign(null, saying(said), key) };
}

export function isGenuine(key: KeyObject, checkpoint: Checkpoint): boolean {
  return verify(null, saying(checkpoint), createPublicKey(key), checkpoint.signature);
}

/** One line of a file that is kept where nobody of the system can rewrite it. */
export function toLine({ hash, signature, ...rest }: Checkpoint): string {
  return JSON.stringify({
    ...rest,
    hash: hash.toString('hex'),
    signature: signature.toString('hex'),
  });
}

export function fromLine(line: string): Checkpoint {
  const { hash, signature, ...rest } = JSON.parse(line) as Record<'hash' | 'signature', string> &
    Pick<Checkpoint, 'chainId' | 'seq' | 'signedAtMs'>;
  return { ...rest, hash: Buffer.from(hash, 'hex'), signature: Buffer.from(signature, 'hex') };
}

function saying({ chainId, seq, hash, signedAtMs }: Omit<Checkpoint, 'signature'>): Buffer {
  return Buffer.from(`capstone audit|${chainId}|${seq}|${hash.toString('hex')}|${signedAtMs}`);
}
