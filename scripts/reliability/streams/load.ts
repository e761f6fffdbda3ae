import { createHash, randomBytes } from "node:crypto";

/** The bytes of a chunk of the load. */
export const CHUNK = 64 * 1024;

/** A chunk that can be compressed to about a third: half of it is random. Each begins with its number, so no two are equal. */
const pattern = Buffer.concat([randomBytes(CHUNK / 4), Buffer.alloc((CHUNK * 3) / 4, "a row of a table; ")]);

/** The chunk with this number, in memory of its own. */
export function chunkOf(number: number): Buffer {
  const chunk = Buffer.from(pattern);
  chunk.writeUInt32BE(number);
  return chunk;
}

/** The digest of bytes that come one after the other, and their number. */
export class Digest {
  #bytes = 0;
  readonly #hash = createHash("sha1");

  /** Adds bytes. */
  add(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#hash.update(bytes);
  }

  /** What came, as a text. */
  end(): string {
    return `${String(this.#bytes)} ${this.#hash.digest("hex")}`;
  }
}
