/** A clock that a test may move forward. */
export class MemoryClock {
  #skipped = 0;

  /** Milliseconds. */
  readonly now = (): number => performance.now() + this.#skipped;

  /** Moves the clock. */
  skip(ms: number): void {
    this.#skipped += ms;
  }
}
