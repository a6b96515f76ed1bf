import { Module } from '@nestjs/common';
import { IdentityModule } from '../identity/identity.module.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { MfaController } from './mfa.controller.js';
import { MfaService } from './mfa.service.js';

@Module({
  imports: [IdentityModule],
  controllers: [AuthController, MfaController],
  providers: [AuthService, MfaService],
})
export class AuthModule {}
