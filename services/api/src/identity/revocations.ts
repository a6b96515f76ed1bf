import { revocationWindowSeconds, type RevocationKind } from '@capstone/contracts/revocations';

export interface RevocationsOptions {
  readonly nowMs?: () => number;
}

/** How much the absence of a revocation still says. */
export type Freshness = 'fresh' | 'stale' | 'lost';

/** Without news for this long nobody may write, and then nobody may do anything: sign-outs would go unseen. */
const staleAfterMs = 10_000;
const lostAfterMs = 30_000;

/** Which sessions and keys no longer count, as far as the feed has told, and how long ago it last said so. */
export class Revocations {
  private readonly revoked = new Map<string, number>();
  private readonly epochs = new Map<string, { least: number; forgetAtMs: number }>();
  private readonly listeners = new Set<(kind: RevocationKind, id: string) => void>();
  private heardAtMs = Number.NEGATIVE_INFINITY;
  private readonly nowMs: () => number;

  constructor({ nowMs = () => performance.now() }: RevocationsOptions = {}) {
    this.nowMs = nowMs;
  }

  /** Adding again is harmless. Forgotten when the last token it could concern has expired. */
  add(kind: Exclude<RevocationKind, 'roles'>, id: string): void {
    const isNews = !this.revoked.has(`${kind}:${id}`);
    this.revoked.set(`${kind}:${id}`, this.forgetAtMs());
    if (isNews) this.tell(kind, id);
  }

  /** The role of this member has changed: what says an earlier epoch no longer counts. */
  addRoles(membershipId: string, epoch: number): void {
    const known = this.epochs.get(membershipId)?.least ?? 0;
    const least = Math.max(known, epoch);
    this.epochs.set(membershipId, { least, forgetAtMs: this.forgetAtMs() });
    if (least > known) this.tell('roles', membershipId);
  }

  /** Everything revoked until now has been added. */
  confirm(): void {
    this.heardAtMs = this.nowMs();
    for (const [name, forgetAtMs] of this.revoked) {
      if (forgetAtMs <= this.heardAtMs) this.revoked.delete(name);
    }
    for (const [id, { forgetAtMs }] of this.epochs) {
      if (forgetAtMs <= this.heardAtMs) this.epochs.delete(id);
    }
  }

  has(kind: RevocationKind, id: string): boolean {
    return this.revoked.size > 0 && this.revoked.has(`${kind}:${id}`);
  }

  /** Since it was last known to be complete; infinite before the first time. */
  get silentMs(): number {
    return this.nowMs() - this.heardAtMs;
  }

  get size(): number {
    return this.revoked.size + this.epochs.size;
  }

  /** True for a token of an epoch before the member's role was changed. */
  isOutdated(membershipId: string, epoch: number): boolean {
    return this.epochs.size > 0 && epoch < (this.epochs.get(membershipId)?.least ?? 0);
  }

  get freshness(): Freshness {
    const { silentMs } = this;
    if (silentMs <= staleAfterMs) return 'fresh';
    return silentMs <= lostAfterMs ? 'stale' : 'lost';
  }

  /** Calls `listener` for each revocation from now on; call the answer to stop. */
  onRevoked(listener: (kind: RevocationKind, id: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private forgetAtMs() {
    return this.nowMs() + revocationWindowSeconds * 1000;
  }

  private tell(kind: RevocationKind, id: string) {
    for (const listener of this.listeners) listener(kind, id);
  }
}
