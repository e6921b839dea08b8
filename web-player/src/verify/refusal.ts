/** Why bytes were refused, in the words of `docs/protocol.md`. */
export type Reason = 'forged' | 'damaged' | 'malformed' | 'unexpected' | 'too-large' | 'version';

/** Thrown by everything that opens a seal; carries what the panel and the tests tell. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly reason: Reason,
    message: string,
  ) {
    super(message);
  }
}

export const malformed = (why: string): Refusal => new Refusal('malformed', why);
