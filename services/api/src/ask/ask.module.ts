import { Module } from '@nestjs/common';
import type { Generator } from '@capstone/retrieval/answers/generator';
import { createAnthropicMessages } from '@capstone/retrieval/answers/anthropic-messages';
import { createExtractiveAnswerer } from '@capstone/retrieval/answers/extractive-answerer';
import { createOpenAiChat } from '@capstone/retrieval/answers/openai-chat';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { SearchModule } from '../search/search.module.js';
import { AskController } from './ask.controller.js';
import { AskService } from './ask.service.js';
import { GENERATOR } from './generator.token.js';

@Module({
  imports: [SearchModule],
  controllers: [AskController],
  providers: [
    AskService,
    { provide: GENERATOR, inject: [CONFIG], useFactory: ({ ask }: Config) => generatorFor(ask) },
  ],
})
export class AskModule {}

function generatorFor({ model }: Config['ask']): Generator {
  if (model === undefined) return createExtractiveAnswerer();
  return model.provider === 'openai' ? createOpenAiChat(model) : createAnthropicMessages(model);
}
