import { utf8 } from "./bytes.ts";

/** A `Blob` that the test lets be read. */
export class SlowBlob extends Blob {
  #settle: { resolve(bytes: ArrayBuffer): void; reject(error: unknown): void } | undefined;
  readonly #content: string;

  constructor(content: string) {
    super([content]);
    this.#content = content;
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  /** It has been read. */
  read(): void {
    this.#settle?.resolve(Uint8Array.from(utf8(this.#content)).buffer);
  }

  /** It cannot be read. */
  fail(error: unknown): void {
    this.#settle?.reject(error);
  }
}
