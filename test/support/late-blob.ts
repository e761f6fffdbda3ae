import type { BlobLike } from "../../src/connection/sending/outgoing-message.ts";
import { utf8 } from "./bytes.ts";
import { type Deferred, deferred } from "./session.ts";

/** What is to be read before it is sent, as a `Blob`: the test says when it has been, also before anybody asks. */
export class LateBlob implements BlobLike {
  readonly size: number;
  readonly #content: Uint8Array<ArrayBuffer>;
  readonly #deferred: Deferred = deferred();

  constructor(content: string) {
    this.#content = Uint8Array.from(utf8(content));
    this.size = this.#content.length;
    // Nobody may ever ask.
    this.#deferred.promise.catch(() => undefined);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    await this.#deferred.promise;
    return this.#content.buffer;
  }

  /** It can be read now. */
  read(): void {
    this.#deferred.resolve();
  }

  /** It cannot be read. */
  fail(error: unknown): void {
    this.#deferred.reject(error);
  }
}
