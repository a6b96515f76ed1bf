import { Injectable } from '@nestjs/common';
import type { RecoveryCodes, TotpCode, TotpEnrolment, VerifyMfa } from '@capstone/contracts/auth';
import type { Source } from '@capstone/contracts/generated/capstone/auth/v1/tokens';
import { AuthClient } from '../identity/auth-client.js';
import { toTokens } from './auth.service.js';

/** Second factors, in the words of the public API. */
@Injectable()
export class MfaService {
  constructor(private readonly client: AuthClient) {}

  async verify(source: Source, input: VerifyMfa) {
    const { tokens, deviceToken } = await this.client.mfa.verifyMfa({ ...input, source });
    return { tokens: toTokens(tokens), deviceToken };
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
