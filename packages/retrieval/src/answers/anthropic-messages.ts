import type {
  GenerationEvent,
  GenerationRequest,
  Generator,
  GeneratorDescription,
  Usage,
} from './generator.js';
import { jsonOf, tokens } from './json-event.js';
import { BrokenAnswer, ModelEndpoint, type AnswerReader } from './model-endpoint.js';
import type { ModelOptions } from './openai-chat.js';
import { plainRules, withinBudget } from './prompt.js';
import { sanitizeText } from '../sanitize-text.js';

interface MessageEvent {
  type: string;
  message: { usage?: TokenCounts };
  delta: { type?: string; text?: unknown; citation?: CharLocation };
  usage: TokenCounts;
  error: { type?: unknown };
}

interface TokenCounts {
  input_tokens?: unknown;
  output_tokens?: unknown;
  cache_read_input_tokens?: unknown;
  cache_creation_input_tokens?: unknown;
}

interface CharLocation {
  document_index?: unknown;
  cited_text?: unknown;
  start_char_index?: unknown;
}

/**
 * Anthropic's Messages, streamed. Every source is a document of its own with citations on, so nothing has to be escaped
 * and the provider says itself which characters of which document carry which block of the answer.
 */
export function createAnthropicMessages(options: ModelOptions): Generator {
  const { model, apiKey = '' } = options;
  const description: GeneratorDescription = {
    provider: 'anthropic',
    model,
    citations: 'exact',
    evidenceFloor: 1 / 3,
  };
  const endpoint = new ModelEndpoint({
    url: `${options.baseUrl.replace(/\/+$/, '')}/v1/messages`,
    headers: { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' },
    timeoutMs: options.timeoutMs,
    silenceMs: options.silenceMs ?? 30_000,
    maxRetryWaitMs: options.maxRetryWaitMs ?? 5_000,
  });
  return {
    describe: () => description,
    stream: (request, signal) =>
      endpoint.post(bodyOf(options, request), new MessageReader(), signal),
  };
}

function bodyOf({ model, maxOutputTokens }: ModelOptions, request: GenerationRequest) {
  const documents = withinBudget(request.sources).map(({ title, content }) => ({
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data: content },
    title: sanitizeText(title),
    citations: { enabled: true },
  }));
  const question = { type: 'text', text: sanitizeText(request.question.text) };
  return {
    model,
    max_tokens: maxOutputTokens,
    system: plainRules,
    messages: [{ role: 'user', content: [...documents, question] }],
    stream: true,
  };
}

/** The blocks of one message. A citation belongs to all the text of its block, which is known when the block ends. */
class MessageReader implements AnswerReader {
  isWhole = false;
  isDone = false;
  private usage: Usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };
  private length = 0;
  private blockStart = 0;
  private cited: CharLocation[] = [];

  *read(data: string): Iterable<GenerationEvent> {
    const event = jsonOf<MessageEvent>(data);
    if (!event || event.type === 'error') throw new BrokenAnswer(event?.error?.type);
    switch (event.type ?? '') {
      case 'message_start':
        this.count(event.message?.usage ?? {});
        break;
      case 'message_delta':
        this.count(event.usage ?? {});
        break;
      case 'content_block_start':
        this.blockStart = this.length;
        this.cited = [];
        break;
      case 'content_block_delta':
        if (event.delta?.type === 'citations_delta') this.cited.push(event.delta.citation ?? {});
        if (event.delta?.type === 'text_delta') yield* this.text(event.delta.text);
        break;
      case 'content_block_stop':
        yield* this.cited.map((location) => this.citation(location));
        break;
      case 'message_stop':
        this.isWhole = true;
        this.isDone = true;
        yield { type: 'usage', usage: this.usage };
        break;
      default: // ping, and whatever comes to be
    }
  }

  private *text(text: unknown): Iterable<GenerationEvent> {
    if (typeof text !== 'string' || text === '') return;
    this.length += text.length;
    yield { type: 'text', text };
  }

  private citation(location: CharLocation): GenerationEvent {
    return {
      type: 'citation',
      source: Number(location.document_index) + 1,
      quote: typeof location.cited_text === 'string' ? location.cited_text : '',
      at: Number(location.start_char_index),
      answer: { start: this.blockStart, end: this.length },
    };
  }

  /** The numbers of a later event replace those of an earlier one. Input counts what was not in the cache. */
  private count(counts: TokenCounts) {
    const cached = tokens(counts.cache_read_input_tokens);
    const input = tokens(counts.input_tokens) + tokens(counts.cache_creation_input_tokens) + cached;
    this.usage = {
      inputTokens: input || this.usage.inputTokens,
      outputTokens: tokens(counts.output_tokens) || this.usage.outputTokens,
      cachedTokens: cached || this.usage.cachedTokens,
    };
  }
}
