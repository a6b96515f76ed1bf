import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { beginning, eventHash } from './audit-hash.js';
import { listChains, listCheckpoints, readChain } from './audit.repository.js';
import type { ChainHead } from './audit.repository.js';
import { checkpointKey, isGenuine } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';

/** The first thing that is wrong with a chain. */
export interface AuditFault {
  readonly chainId: string;
  readonly seq: number;
  readonly what: string;
}

export interface AuditReport {
  readonly chains: number;
  readonly events: number;
  readonly checkpoints: number;
  readonly faults: AuditFault[];
}

const batch = 1_000;

/** Recomputes every hash and compares it with what is stored, and with what was signed along the way. */
@Injectable()
export class AuditVerificationService {
  constructor(
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** `kept` are checkpoints from outside the database: those in it could be cut together with the events. */
  async verify(kept: readonly Checkpoint[] = []): Promise<AuditReport> {
    const checkpoints = [...(await listCheckpoints(this.db.unscoped)), ...kept];
    const chains = await listChains(this.db.unscoped);
    const heads = new Map(chains.map((chain) => [chain.chainId, chain]));
    for (const { chainId } of checkpoints) {
      if (!heads.has(chainId)) heads.set(chainId, { chainId, seq: 0, hash: beginning });
    }
    const faults: AuditFault[] = [];
    let events = 0;
    for (const head of heads.values()) {
      const own = checkpoints.filter(({ chainId }) => chainId === head.chainId);
      const outcome = await this.verifyChain(head, own);
      events += outcome.events;
      if (outcome.fault) faults.push(outcome.fault);
    }
    return { chains: heads.size, events, checkpoints: checkpoints.length, faults };
  }

  private async verifyChain(head: ChainHead, checkpoints: readonly Checkpoint[]) {
    const { chainId } = head;
    const fault = (seq: number, what: string) => ({ chainId, seq, what });
    const key = checkpointKey(this.config.keys.encryptionKey);
    const forged = checkpoints.find((checkpoint) => !isGenuine(key, checkpoint));
    if (forged) return { events: 0, fault: fault(forged.seq, 'a checkpoint is not signed by us') };

    const signed = Map.groupBy(checkpoints, ({ seq }) => seq);
    let last: { seq: number; hash: Buffer } = { seq: 0, hash: beginning };
    for (;;) {
      const events = await readChain(this.db.unscoped, chainId, {
        afterSeq: last.seq,
        limit: batch,
      });
      for (const event of events) {
        if (event.seq !== last.seq + 1)
          return { events: last.seq, fault: fault(last.seq + 1, 'the event is missing') };
        const hash = eventHash(last.hash, chainId, event);
        if (!hash.equals(event.hash))
          return { events: last.seq, fault: fault(event.seq, 'the event was changed') };
        if (signed.get(event.seq)?.some((checkpoint) => !checkpoint.hash.equals(hash))) {
          return {
            events: last.seq,
            fault: fault(event.seq, 'the chain was rewritten up to here'),
          };
        }
        last = { seq: event.seq, hash };
      }
      if (events.length < batch) break;
    }
    const furthest = Math.max(0, head.seq, ...signed.keys());
    if (furthest > last.seq)
      return {
        events: last.seq,
        fault: fault(last.seq + 1, `the events up to ${furthest} were cut off`),
      };
    if (!head.hash.equals(last.hash))
      return { events: last.seq, fault: fault(last.seq, 'the head of the chain was changed') };
    return { events: last.seq, fault: undefined };
  }
}
