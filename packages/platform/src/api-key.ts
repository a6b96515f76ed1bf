import { isOpaqueToken, mintOpaqueToken, randomBase62 } from './opaque-token.js';

const shape = /^(cap_[0-9A-Za-z]{12})_[0-9A-Za-z]{49}$/;

/** `cap_<public id>_<256 random bits and a checksum>`. The part before the second underscore may be shown and logged. */
export function mintApiKey(): { key: string; prefix: string } {
  const prefix = `cap_${randomBase62(12)}`;
  return { key: mintOpaqueToken(`${prefix}_`), prefix };
}

/** False for what `mintApiKey` cannot have made: a mistyped or invented key costs no query and no call. */
export function isApiKey(text: string): boolean {
  const [, prefix] = shape.exec(text) ?? [];
  return prefix !== undefined && isOpaqueToken(`${prefix}_`, text);
}
