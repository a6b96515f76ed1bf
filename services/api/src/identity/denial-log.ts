import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { Principal } from '@capstone/platform/principal';
import type { Logger } from '@capstone/platform/log';
import { LOGGER } from '@capstone/platform/service';
import { AuthClient } from './auth-client.js';

interface Denial {
  readonly principal: Principal;
  readonly permission: string;
  readonly route: string;
  readonly address: string;
  count: number;
}

const sendEveryMs = 1_000;
/** Of different kinds. What goes beyond is counted in the log alone: an attacker must not write our audit at will. */
const mostKinds = 500;

/** What this door refused for want of a permission, told to auth's audit: once a second, and many alike as one. */
@Injectable()
export class DenialLog implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private pending = new Map<string, Denial>();
  private dropped = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: AuthClient,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap() {
    this.timer = setInterval(() => void this.send(), sendEveryMs).unref();
  }

  async beforeApplicationShutdown() {
    clearInterval(this.timer);
    await this.send();
  }

  note(denial: Omit<Denial, 'count'>): void {
    const { principal, permission, route, address } = denial;
    const who = principal.kind === 'api-key' ? principal.apiKeyId : principal.userId;
    const kind = [principal.workspaceId, who, permission, route, address].join(' ');
    const known = this.pending.get(kind);
    if (known) known.count += 1;
    else if (this.pending.size < mostKinds) this.pending.set(kind, { ...denial, count: 1 });
    else this.dropped += 1;
  }

  private async send() {
    if (this.pending.size === 0) return;
    const denials = [...this.pending.values()];
    const { dropped } = this;
    this.pending = new Map();
    this.dropped = 0;
    if (dropped > 0) this.logger.warn({ dropped }, 'denials beyond count were not written down');
    try {
      await this.client.audit.recordDenials({ denials: denials.map(toMessage) });
    } catch (err) {
      this.logger.error({ err, denials: denials.map(toMessage) }, 'denials were not written down');
    }
  }
}

function toMessage({ principal, ...denial }: Denial) {
  const { workspaceId, userId } = principal;
  const apiKeyId = principal.kind === 'api-key' ? principal.apiKeyId : undefined;
  return { ...denial, workspaceId, userId, apiKeyId };
}
