import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import { open, seal } from '../seal.js';

export const signingAlgorithm = 'ES256';

/** A signing key as the database keeps it. */
export interface StoredKey {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly wrappedPrivateJwk: Buffer;
}

/** A new ES256 key whose private half is sealed with the key encryption key. `kid`: RFC 7638. */
export async function generateSigningKey(encryptionKey: Buffer): Promise<StoredKey> {
  const pair = await generateKeyPair(signingAlgorithm, { extractable: true });
  const members = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(members, 'sha256');
  const privateJwk = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)));
  return {
    kid,
    publicJwk: { ...members, kid, alg: signingAlgorithm, use: 'sig' },
    wrappedPrivateJwk: seal(encryptionKey, privateJwk, Buffer.from(kid)),
  };
}

/** Throws when `encryptionKey` is not the one it was wrapped with, or the row was changed. */
export function unwrapPrivateJwk(encryptionKey: Buffer, stored: StoredKey): JWK {
  const privateJwk = open(encryptionKey, stored.wrappedPrivateJwk, Buffer.from(stored.kid));
  return JSON.parse(privateJwk.toString()) as JWK;
}
