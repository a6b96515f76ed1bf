import { Injectable } from '@nestjs/common';
import type { Search, SearchItem, SearchResult } from '@capstone/contracts/search';
import { Database } from '@capstone/platform/database';
import { observeTraced, stopwatch } from '@capstone/platform/metrics';
import type { Principal } from '@capstone/platform/principal';
import { currentTrace, withSpan } from '@capstone/platform/tracing';
import type { Embedder } from '@capstone/retrieval/embedder';
import { createLexicalEmbedder } from '@capstone/retrieval/lexical-embedder';
import { search, type SearchAnswer, type SearchHit } from '@capstone/retrieval/search';
import { searchDuration } from '../metrics.js';

@Injectable()
export class SearchService {
  private readonly embedder: Embedder = createLexicalEmbedder();

  constructor(private readonly db: Database) {}

  async search(caller: Principal, input: Search): Promise<SearchResult> {
    const seconds = stopwatch();
    const answer = await this.find(caller, input);
    return {
      items: answer.hits.map(toItem),
      mode: input.mode,
      model: answer.model,
      tookMs: Math.round(seconds() * 100_000) / 100,
      degraded: answer.degraded,
    };
  }

  /** For whoever needs the whole chunks. */
  async find(caller: Principal, input: Search): Promise<SearchAnswer> {
    const seconds = stopwatch();
    const { workspaceId } = caller;
    const answer = await withSpan(`search ${input.mode}`, {}, () =>
      search(this.db.read(caller), this.embedder, { workspaceId, ...input }),
    );
    const labels = { mode: input.mode, degraded: String(answer.degraded.length > 0) };
    observeTraced(searchDuration, labels, seconds(), currentTrace());
    return answer;
  }
}

/** The offsets of an item are those of its snippet: the text at them is what the client sees. */
function toItem({ snippet, content: _content, version: _version, ...hit }: SearchHit): SearchItem {
  const { text, charStart, charEnd } = snippet;
  return { ...hit, snippet: text, charStart, charEnd };
}
