import type { BlobLike } from "../../src/connection/sending/outgoing-message.ts";
import { utf8 } from "./bytes.ts";
import { type Gate, gate } from "./session.ts";

/** What is to be read before it is sent, as a `Blob`: the test says when it has been, also before anybody asks. */
export class LateBlob implements BlobLike {
  readonly size: number;
  readonly #content: Uint8Array<ArrayBuffer>;
  readonly #gate: Gate = gate();

  constructor(content: string) {
    this.#content = Uint8Array.from(utf8(content));
    this.size = this.#content.length;
    // Nobody may ever ask.
    this.#gate.promise.catch(() => undefined);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    await this.#gate.promise;
    return this.#content.buffer;
  }

  /** It can be read now. */
  read(): void {
    this.#gate.open();
  }

  /** It cannot be read. */
  fail(error: unknown): void {
    this.#gate.fail(error);
  }
}
