/** A vector as pgvector reads it. Six decimals are finer than half precision keeps. */
export function vectorLiteral(vector: Float32Array): string {
  return `[${Array.from(vector, (value) => Math.round(value * 1e6) / 1e6).join(',')}]`;
}
