import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { AuditFacts } from '@capstone/contracts/audit';
import { open, seal } from '../seal.js';

/** A key of a chain's own, and how it is stored: it opens only in the row of its chain. */
export function makeChainKey(encryptionKey: Buffer, chainId: string): Buffer {
  return seal(encryptionKey, randomBytes(32), Buffer.from(chainId));
}

export function openChainKey(encryptionKey: Buffer, chainId: string, sealed: Buffer): Buffer {
  return open(encryptionKey, sealed, Buffer.from(chainId));
}

/** The same person under the same key is the same name, and without the key nobody's. */
export function pseudonym(chainKey: Buffer, actorId: string | null): string {
  if (actorId === null) return '';
  const key = Buffer.from(hkdfSync('sha256', chainKey, '', 'capstone audit actor', 32));
  return createHmac('sha256', key).update(actorId).digest('hex').slice(0, 32);
}

export function sealFacts(chainKey: Buffer, eventId: string, facts: AuditFacts): Buffer {
  return seal(chainKey, Buffer.from(JSON.stringify(facts)), Buffer.from(eventId));
}

export function openFacts(chainKey: Buffer, eventId: string, sealed: Buffer): AuditFacts {
  return AuditFacts.parse(JSON.parse(open(chainKey, sealed, Buffer.from(eventId)).toString()));
}
