import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { DocumentsConsumer } from './documents.consumer.js';
import { EmbeddingModel } from './embedding-model.js';
import { IngestionService } from './ingestion.service.js';
import { Parser } from './parser.js';
import { PurgeService } from './purge.service.js';

@Module({
  providers: [
    DocumentsConsumer,
    EmbeddingModel,
    IngestionService,
    PurgeService,
    {
      provide: Parser,
      inject: [CONFIG],
      useFactory: ({ ingestion }: Config) => new Parser(ingestion.parser),
    },
  ],
})
export class IngestionModule implements OnApplicationShutdown {
  constructor(private readonly parser: Parser) {}

  async onApplicationShutdown() {
    this.parser.close();
  }
}
