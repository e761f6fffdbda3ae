import { Fifo } from "../util/fifo.ts";
import { MIB } from "../util/number-range.ts";
import type { StoredMessage } from "./stored-message.ts";

/** The bytes of the pages that wait for all receivers of a server: as many as 64 pages, which are read at the same time. */
const MAX_PAGES_SIZE = 64 * MIB;

/** The memory of the pages that wait for the receivers of a server. */
export class PageMemory {
  /** Bytes. */
  used = 0;
  readonly #max: number;

  /** @param max bytes */
  constructor(max = MAX_PAGES_SIZE) {
    this.#max = max;
  }

  /** Whether there is too little: whoever must wait keeps no page, and reads it again. */
  get isOver(): boolean {
    return this.used > this.#max;
  }
}

/** Messages that were read for one receiver, and wait to be sent. */
export class WaitingPage {
  readonly #memory: PageMemory;
  readonly #messages = new Fifo<StoredMessage>();

  constructor(memory: PageMemory, messages: Iterable<StoredMessage>) {
    this.#memory = memory;
    for (const message of messages) {
      this.#messages.push(message);
      memory.used += message.size;
    }
  }

  /** The next message; undefined: all were removed. */
  get first(): StoredMessage | undefined {
    return this.#messages.first;
  }

  /** Removes the next message. */
  shift(): void {
    this.#memory.used -= this.#messages.shift()?.size ?? 0;
  }

  /** Removes all messages. */
  clear(): void {
    while (this.first !== undefined) this.shift();
  }
}
