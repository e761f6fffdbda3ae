import type { StoredMessage } from "./stored-message.ts";

/** Messages, and bytes, that may be held until the ones before them were read. More is read from the broker again. */
const MAX_HELD = 1_000;
const MAX_HELD_SIZE = 1_048_576;

/** Messages that came while those before them were missing. */
export class HeldMessages {
  #messages: StoredMessage[] = [];
  #size = 0;
  #hasForgotten = false;

  /** How many there are. */
  get length(): number {
    return this.#messages.length;
  }

  /** The newest one. */
  get last(): StoredMessage | undefined {
    return this.#messages.at(-1);
  }

  /** Keeps a message, if it has space. */
  add(message: StoredMessage): void {
    if (this.#messages.length >= MAX_HELD || this.#size > MAX_HELD_SIZE) this.#hasForgotten = true;
    else {
      this.#messages.push(message);
      this.#size += message.size;
    }
  }

  /** Takes all of them. `isComplete`: each was kept since the last call. */
  take(): { readonly messages: readonly StoredMessage[]; readonly isComplete: boolean } {
    const taken = { messages: this.#messages, isComplete: !this.#hasForgotten };
    this.#messages = [];
    this.#size = 0;
    this.#hasForgotten = false;
    return taken;
  }
}
