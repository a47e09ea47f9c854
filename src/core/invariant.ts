/** The program contradicts itself. Never caught: the server stops rather than go on from a state that cannot be. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** Throws InvariantViolation unless `condition` holds. For mistakes of this program, never for bad input. */
export function invariant(condition: boolean, statement: string): asserts condition {
  if (!condition) throw new InvariantViolation(`broken invariant: ${statement}`);
}
