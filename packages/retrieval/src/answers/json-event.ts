/** The data of an event as JSON; undefined when it is none. Providers add kinds and fields as they like. */
export function jsonOf<Shape extends object>(data: string): Partial<Shape> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A count of tokens as a provider gives it; 0 for anything else. */
export function tokens(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0;
}
