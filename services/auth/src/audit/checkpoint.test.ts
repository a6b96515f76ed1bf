import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkpointKey, fromLine, isGenuine, signCheckpoint, toLine } from './checkpoint.js';

const encryptionKey = randomBytes(32);
const said = { chainId: 'c', seq: 7, hash: randomBytes(32), signedAtMs: 1_795_168_800_000 };

test('a checkpoint verifies with the key it was signed with, read back from a line, too', () => {
  const checkpoint = signCheckpoint(checkpointKey(encryptionKey), said);

  expect(isGenuine(checkpointKey(encryptionKey), checkpoint)).toBe(true);
  expect(isGenuine(checkpointKey(encryptionKey), fromLine(toLine(checkpoint)))).toBe(true);
  expect(isGenuine(checkpointKey(randomBytes(32)), checkpoint)).toBe(false);
});

test.each([{ seq: 8 }, { hash: randomBytes(32) }, { chainId: 'd' }, { signedAtMs: 1 }])(
  'with another %o it does not',
  (change) => {
    const checkpoint = signCheckpoint(checkpointKey(encryptionKey), said);

    expect(isGenuine(checkpointKey(encryptionKey), { ...checkpoint, ...change })).toBe(false);
  },
);
