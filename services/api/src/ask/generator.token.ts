/** Who writes the answers: a `Generator`. */
export const GENERATOR = Symbol('GENERATOR');
