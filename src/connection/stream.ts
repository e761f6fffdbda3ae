import type { Duplex } from "node:stream";

import type { Bytes } from "../protocol/bytes.ts";

/** What a stream tells the connection on it. */
export interface StreamListener {
  /** A chunk came. */
  received(chunk: Bytes): void;
  /** The stream has room again. */
  drained(): void;
  /** The peer will send no more. */
  ended(): void;
  /** The stream failed; `closed` follows. */
  failed(cause: Error): void;
  /** The stream is gone. */
  closed(): void;
}

/** Where a stream keeps its listener. */
const listener = Symbol("hawser connection");

interface Linked extends Duplex {
  [listener]: StreamListener;
}

/** Has `to` called for all that happens on `stream`. All connections share these functions: none holds closures of its own. */
export function link(stream: Duplex, to: StreamListener): void {
  const linked = stream as Linked;
  linked[listener] = to;
  linked.on("error", onError).on("close", onClose).on("end", onEnd).on("drain", onDrain).on("data", onData);
}

function onData(this: Linked, chunk: Bytes): void {
  this[listener].received(chunk);
}

function onDrain(this: Linked): void {
  this[listener].drained();
}

function onEnd(this: Linked): void {
  this[listener].ended();
}

function onError(this: Linked, cause: Error): void {
  this[listener].failed(cause);
}

function onClose(this: Linked): void {
  const to = this[listener];
  // Whoever keeps the dead stream does not keep the connection with it.
  this[listener] = nobody;
  to.closed();
}

const nobody: StreamListener = { received: ignore, drained: ignore, ended: ignore, failed: ignore, closed: ignore };

function ignore(): void {
  // The connection is over.
}
