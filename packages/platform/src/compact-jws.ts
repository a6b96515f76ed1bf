/** Far above what our own tokens need, far below what a caller may send in a header. */
const longestToken = 4_096;

/**
 * True for what may be a signed token: three parts in the one base64url spelling of their bytes (RFC 7515 section 2), and
 * not endless. Decoders (jose 6) take other spellings of the same bytes, so that one signature would have many tokens.
 */
export function isCompactJws(token: string): boolean {
  if (token.length > longestToken) return false;
  const parts = token.split('.');
  return parts.length === 3 && parts.every(isCanonical);
}

function isCanonical(part: string): boolean {
  return part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part;
}
