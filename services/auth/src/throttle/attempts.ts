/** When a bucket of wrong attempts closes, and for how long. */
export interface BucketRule {
  /** So many failures in a window close it. */
  readonly limit: number;
  /** The same while the account is under attack from everywhere. */
  readonly limitUnderPressure: number;
  readonly windowMs: number;
  /** How long it is closed at first; each further failure doubles that. 0: until the window ends. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export interface Bucket {
  readonly key: string;
  readonly rule: BucketRule;
}

/** An attempt is counted in all of these. The account's own count refuses nobody: it makes the others stricter. */
export interface Buckets {
  readonly account: { readonly key: string; readonly pressure: number; readonly windowMs: number };
  /** Of this account from this place, forgotten by a success. */
  readonly own: Bucket;
  /** Of this place, whatever the account. */
  readonly source: Bucket | undefined;
}

/** Counting where nobody can slip in between. */
export interface AttemptCounters {
  /** Counts an attempt as a failure, before it is judged. Answers with the time to wait when it must not be judged. */
  begin(buckets: Buckets): Promise<number>;
  /** It was right: the own bucket is forgotten, the others are as if it had not been. */
  succeed(buckets: Buckets): Promise<void>;
  /** It was not judged after all. */
  withdraw(buckets: Buckets): Promise<void>;
}

export function refusingOf({ own, source }: Buckets): Bucket[] {
  return source ? [own, source] : [own];
}
