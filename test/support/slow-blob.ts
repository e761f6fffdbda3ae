import { utf8 } from "./bytes.ts";

/** A `Blob` whose read the test controls. */
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

  /** Lets the read succeed. */
  read(): void {
    this.#settle?.resolve(Uint8Array.from(utf8(this.#content)).buffer);
  }

  /** Lets the read fail. */
  fail(error: unknown): void {
    this.#settle?.reject(error);
  }
}
