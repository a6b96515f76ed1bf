import type { Type } from '@nestjs/common';

/** What an operator can do from a shell. */
export interface Command {
  /** Two words. */
  readonly name: string;
  /** Its arguments, for the usage text. */
  readonly takes: string;
  readonly does: string;
  /** Answers with the exit code. */
  run(
    get: <T>(type: Type<T>) => T,
    words: readonly string[],
    print: (line: string) => void,
  ): Promise<number>;
}
