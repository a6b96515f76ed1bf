import { Injectable } from '@nestjs/common';
import type {
  RecoveryCodes,
  Tokens,
  TotpCode,
  TotpEnrolment,
  VerifyMfa,
} from '@capstone/contracts/auth';
import type { Source } from '@capstone/contracts/generated/capstone/auth/v1/tokens';
import { AuthClient } from '../identity/auth-client.js';
import { toTokens } from './auth.service.js';

/** Second factors, in the words of the public API. */
@Injectable()
export class MfaService {
  constructor(private readonly client: AuthClient) {}

  async verify(source: Source, input: VerifyMfa): Promise<Tokens> {
    const { tokens } = await this.client.mfa.verifyMfa({ ...input, source });
    return toTokens(tokens);
  }

  enrolTotp(authorization: string): Promise<TotpEnrolment> {
    return this.client.mfa.enrolTotp({}, { metadata: { authorization } });
  }

  confirmTotp(authorization: string, source: Source, input: TotpCode): Promise<RecoveryCodes> {
    return this.client.mfa.confirmTotp({ ...input, source }, { metadata: { authorization } });
  }

  async removeTotp(authorization: string, source: Source, input: TotpCode): Promise<void> {
    await this.client.mfa.removeTotp({ ...input, source }, { metadata: { authorization } });
  }
}
