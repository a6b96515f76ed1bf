import type { Source as SourceMessage } from '@capstone/contracts/generated/capstone/auth/v1/tokens';

/** Where a request came from, as the public door saw it. For people to read, never for authorization. */
export interface Source {
  readonly address: string | null;
  readonly userAgent: string | null;
}

export function toSource(message: SourceMessage | undefined): Source {
  return {
    address: message?.address.slice(0, 100) || null,
    userAgent: message?.userAgent.slice(0, 300) || null,
  };
}
