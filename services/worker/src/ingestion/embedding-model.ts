import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import type { Embedder } from '@capstone/retrieval/embedder';
import { registerModel } from '@capstone/retrieval/index-writer';
import { createLexicalEmbedder } from '@capstone/retrieval/lexical-embedder';

/** The model that makes this process's vectors, and the id it is registered under. */
@Injectable()
export class EmbeddingModel implements OnModuleInit {
  private readonly embedder: Embedder = createLexicalEmbedder();
  private registeredId: number | undefined;

  constructor(private readonly db: Database) {}

  async onModuleInit() {
    this.registeredId = await registerModel(this.db.unscoped, this.embedder.describe());
  }

  get id(): number {
    if (this.registeredId === undefined)
      throw new Error('The embedding model is not registered yet.');
    return this.registeredId;
  }

  embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    return this.embedder.embed(texts, { kind: 'document', signal });
  }
}
