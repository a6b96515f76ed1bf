import type { AskUsage } from '@capstone/contracts/ask';
import type {
  GenerationEvent,
  GenerationRequest,
  Generator,
} from '@capstone/retrieval/answers/generator';
import { estimateUsage } from './ask.rules.js';

/** A generator that remembers what one answer cost, also where it broke off. */
export class MeteredGenerator implements Generator {
  private asked: GenerationRequest | undefined;
  private characters = 0;
  private usage: AskUsage | undefined;
  private wasAborted = false;

  constructor(private readonly generator: Generator) {}

  describe() {
    return this.generator.describe();
  }

  async *stream(
    request: GenerationRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void> {
    this.asked = request;
    try {
      for await (const event of this.generator.stream(request, signal)) {
        if (event.type === 'text') this.characters += event.text.length;
        if (event.type === 'usage') this.usage = event.usage;
        yield event;
      }
    } finally {
      this.wasAborted = signal.aborted;
    }
  }

  /** Undefined where there is nothing to pay: nobody was asked, or refused before a word of the answer. */
  cost(): { usage: AskUsage; estimated: boolean } | undefined {
    if (this.usage) return { usage: this.usage, estimated: false };
    const wasHeard = this.characters > 0 || this.wasAborted;
    if (!this.asked || !wasHeard) return undefined;
    const { question, sources } = this.asked;
    return { usage: estimateUsage(question.text, sources, this.characters), estimated: true };
  }
}
