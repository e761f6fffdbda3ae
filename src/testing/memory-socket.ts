import { Duplex } from "node:stream";

import { streamError } from "../errors/errors.ts";

/**
 * One end of a connection in memory, in place of a TCP socket. It has back-pressure: a write is done when the other end has
 * space. It uses no timer and no handle, so the timers of a test may be simulated.
 */
export class MemorySocket extends Duplex {
  /** The address of the other end, as `net.Socket` names it. */
  readonly remoteAddress: string;
  #other: MemorySocket | undefined;
  /** A write that waits for space at the other end. */
  #done: (() => void) | undefined;

  private constructor(remoteAddress: string) {
    super({ allowHalfOpen: true });
    this.remoteAddress = remoteAddress;
  }

  /** Makes both ends of a connection. `clientAddress` is what the server sees. */
  static pair(clientAddress: string): { readonly client: MemorySocket; readonly server: MemorySocket } {
    const client = new MemorySocket("127.0.0.1");
    const server = new MemorySocket(clientAddress);
    client.#other = server;
    server.#other = client;
    return { client, server };
  }

  override _read(): void {
    if (this.#other !== undefined) this.#other.#continue();
  }

  // The memory of a written chunk is the writer's again after `done`.
  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    if (this.#other === undefined || this.#other.destroyed || this.#other.push(Buffer.from(chunk))) done();
    else this.#done = done;
  }

  override _final(done: () => void): void {
    if (this.#other?.destroyed === false) this.#other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const other = this.#other;
    this.#other = undefined;
    const isOrderly = this.readableEnded && this.writableFinished;
    if (other !== undefined && !isOrderly) process.nextTick(reset, other);
    done(error);
  }

  #continue(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }
}

/** What TCP does when one end is destroyed before both are done. */
function reset(other: MemorySocket): void {
  other.destroy(streamError(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })));
}
