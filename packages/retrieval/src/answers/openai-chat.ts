import type { GenerationEvent, Generator, GeneratorDescription, Usage } from './generator.js';
import { jsonOf, tokens } from './json-event.js';
import { BrokenAnswer, ModelEndpoint, type AnswerReader } from './model-endpoint.js';
import { citingRules, sourcesAndQuestion } from './prompt.js';

export interface ModelOptions {
  /** Such as https://api.openai.com/v1 or http://localhost:11434/v1. */
  readonly baseUrl: string;
  readonly model: string;
  /** Local servers need none. */
  readonly apiKey?: string | undefined;
  readonly maxOutputTokens: number;
  readonly timeoutMs: number;
  readonly silenceMs?: number;
  readonly maxRetryWaitMs?: number;
}

interface Chunk {
  choices: { delta?: { content?: unknown } | null; finish_reason?: unknown }[];
  usage: {
    prompt_tokens?: unknown;
    completion_tokens?: unknown;
    prompt_tokens_details?: { cached_tokens?: unknown } | null;
  } | null;
  error: { type?: unknown; code?: unknown };
}

/** Chat completions as OpenAI defined them and Ollama, vLLM, llama.cpp and many more speak them, streamed. */
export function createOpenAiChat(options: ModelOptions): Generator {
  const { model, maxOutputTokens, apiKey } = options;
  const description: GeneratorDescription = {
    provider: 'openai',
    model,
    citations: 'markers',
    evidenceFloor: 1 / 3,
  };
  const endpoint = new ModelEndpoint({
    url: `${options.baseUrl.replace(/\/+$/, '')}/chat/completions`,
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    timeoutMs: options.timeoutMs,
    silenceMs: options.silenceMs ?? 30_000,
    maxRetryWaitMs: options.maxRetryWaitMs ?? 5_000,
  });
  return {
    describe: () => description,
    stream: (request, signal) =>
      endpoint.post(
        {
          model,
          max_tokens: maxOutputTokens,
          messages: [
            { role: 'system', content: citingRules },
            { role: 'user', content: sourcesAndQuestion(request) },
          ],
          stream: true,
          stream_options: { include_usage: true },
        },
        new ChunkReader(),
        signal,
      ),
  };
}

/** Usage comes behind the last text, with no choices; not every server ends with [DONE]. */
class ChunkReader implements AnswerReader {
  isWhole = false;
  isDone = false;

  *read(data: string): Iterable<GenerationEvent> {
    if (data === '[DONE]') {
      this.isDone = true;
      this.isWhole = true;
      return;
    }
    const chunk = jsonOf<Chunk>(data);
    if (!chunk || chunk.error) throw new BrokenAnswer(chunk?.error?.type ?? chunk?.error?.code);
    const [choice] = chunk.choices ?? [];
    const content = choice?.delta?.content;
    if (typeof content === 'string' && content !== '') yield { type: 'text', text: content };
    if (typeof choice?.finish_reason === 'string') this.isWhole = true;
    if (chunk.usage) yield { type: 'usage', usage: usageOf(chunk.usage) };
  }
}

function usageOf(usage: NonNullable<Chunk['usage']>): Usage {
  return {
    inputTokens: tokens(usage.prompt_tokens),
    outputTokens: tokens(usage.completion_tokens),
    cachedTokens: tokens(usage.prompt_tokens_details?.cached_tokens),
  };
}
