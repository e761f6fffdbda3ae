/** Promises that are resolved together, with one value. */
export class Waiters<T> {
  #resolvers: ((value: T) => void)[] = [];

  /** Whether a promise waits. */
  get hasAny(): boolean {
    return this.#resolvers.length > 0;
  }

  /** A promise that the next `resolve` resolves. */
  wait(): Promise<T> {
    return new Promise((resolve) => this.#resolvers.push(resolve));
  }

  /** Resolves all promises that wait. */
  resolve(value: T): void {
    const resolvers = this.#resolvers;
    this.#resolvers = [];
    for (const resolve of resolvers) resolve(value);
  }
}
