/** A fault that the person at the keyboard can mend. Its message is all that is printed; the exit code is 2. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
