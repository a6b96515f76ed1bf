import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.js';
import { TokensService } from './tokens.service.js';

@Module({ imports: [KeysModule], providers: [TokensService], exports: [TokensService] })
export class TokensModule {}
