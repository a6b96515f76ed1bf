import { KeyRotationService } from '../keys/key-rotation.service.js';
import type { Command } from './command.js';

export const keysList: Command = {
  name: 'keys list',
  takes: '',
  does: 'the signing keys, newest first, and since when they are what they are',
  async run(get, _words, print) {
    for (const key of await get(KeyRotationService).list()) {
      const since = key.taintedAt ?? key.retiredAt ?? key.activatedAt ?? key.createdAt;
      print(`${key.kid}  ${key.state.padEnd(7)}  since ${since}`);
    }
    return 0;
  },
};

export const keysRotate: Command = {
  name: 'keys rotate',
  takes: '',
  does: 'publishes the next signing key; it signs when every verifier knows it',
  async run(get, _words, print) {
    const { kid, pendingSeconds } = await get(KeyRotationService).rotate();
    print(`${kid}  pending  signs ${pendingSeconds} s after it was made`);
    return 0;
  },
};

export const keysTaint: Command = {
  name: 'keys taint',
  takes: '<kid>',
  does: 'ends a key that somebody else may have: its tokens count no more within seconds',
  async run(get, [kid], print) {
    const tainted = kid !== undefined && (await get(KeyRotationService).taint(kid));
    print(tainted ? `${kid}  tainted` : `There is no signing key ${kid ?? 'without a name'}.`);
    return tainted ? 0 : 1;
  },
};
