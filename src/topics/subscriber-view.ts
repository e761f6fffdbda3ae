import type { Identified, Registry } from "../util/registry.ts";

/** The subscribers of one topic: a live collection. A topic without subscribers has no registry. */
export class SubscriberView<Subscriber extends Identified> {
  readonly #registry: () => Registry<Subscriber> | undefined;

  /** @param registry finds the registry of now; undefined: there are no subscribers */
  constructor(registry: () => Registry<Subscriber> | undefined) {
    this.#registry = registry;
  }

  /** How many there are. */
  get size(): number {
    return this.#registry()?.size ?? 0;
  }

  /** All of them, in the order in which they subscribed. The array never changes. */
  get list(): readonly Subscriber[] {
    return this.#registry()?.list ?? [];
  }

  /** The subscriber with this `id`. */
  get(id: number): Subscriber | undefined {
    return this.#registry()?.get(id);
  }
}
