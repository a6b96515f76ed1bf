/**
 * A fault that the person at the keyboard can mend: the message is one sentence that says what to do.
 * Commands print it without a stack and exit with code 1.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
