import type { BlobLike } from "../../src/connection/sending/outgoing-message.ts";
import { utf8 } from "./bytes.ts";
import { type Deferred, deferred } from "./session.ts";

/** A Blob-like message. The test decides when it has been read, also before a reader asks. */
export class LateBlob implements BlobLike {
  readonly size: number;
  readonly #content: Uint8Array<ArrayBuffer>;
  readonly #deferred: Deferred = deferred();

  constructor(content: string) {
    this.#content = Uint8Array.from(utf8(content));
    this.size = this.#content.length;
    // It may never be read.
    this.#deferred.promise.catch(() => undefined);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    await this.#deferred.promise;
    return this.#content.buffer;
  }

  /** Lets the read succeed. */
  read(): void {
    this.#deferred.resolve();
  }

  /** Lets the read fail. */
  fail(error: unknown): void {
    this.#deferred.reject(error);
  }
}
