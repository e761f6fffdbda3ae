import { randomFillSync } from "node:crypto";

import type { Bytes } from "../protocol/bytes.ts";

/** Bytes of an epoch, and of the name of a node. As base64url it has 8 characters. */
export const EPOCH_SIZE = 6;

/** Bytes of a message's id: those of its node, and a count. As base64url it has 16 characters. */
export const ID_SIZE = 12;

/** The id before all messages of a topic: twelve bytes of zero. */
export const NO_ID = "A".repeat(16);

/** A new epoch, or the name of a new node: 8 characters. */
export function randomName(): string {
  return randomFillSync(Buffer.allocUnsafe(EPOCH_SIZE)).toString("base64url");
}

/** Random bytes for epochs that may be needed. They are made for many at a time, and each is handed out once. */
const epochs = { bytes: Buffer.alloc(0), next: 0 };
const EPOCHS_AT_ONCE = 1_024;

/** The bytes of a new epoch, for a broker that may need one. */
export function randomEpoch(): Buffer {
  if (epochs.next === epochs.bytes.length) {
    // Memory of its own: a command may keep what was handed out.
    epochs.bytes = randomFillSync(Buffer.allocUnsafeSlow(EPOCHS_AT_ONCE * EPOCH_SIZE));
    epochs.next = 0;
  }
  return epochs.bytes.subarray(epochs.next, (epochs.next += EPOCH_SIZE));
}

/** Writes an epoch or an id as bytes. Returns the offset after it. */
export function writeId(target: Bytes, id: string, offset: number): number {
  return offset + (target as unknown as Buffer).write(id, offset, "base64url");
}

/** Reads `size` bytes at `offset` as an epoch or an id. */
export function readId(source: Bytes, offset: number, size: number): string {
  return (source as unknown as Buffer).toString("base64url", offset, offset + size);
}

/** The ids of one node's messages: no two nodes have the same ones. */
export class MessageIds {
  /** The 8 characters of the node. */
  readonly node: string;
  readonly #count = Buffer.alloc(EPOCH_SIZE);
  #next = 1;

  constructor(node = randomName()) {
    this.node = node;
  }

  /** The next id: 16 characters. */
  next(): string {
    this.#count.writeUIntBE(this.#next++, 0, EPOCH_SIZE);
    return this.node + this.#count.toString("base64url");
  }
}
