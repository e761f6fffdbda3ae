import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { MessageInflater, agreedWindow, deflated } from "./deflate.ts";

const texts = ["one message", "another message", "one message, and another message"].map((text) => Buffer.from(text));

/** The messages as a sender with context takeover compresses them. */
async function withTakeover(messages: readonly Buffer[]): Promise<Buffer[]> {
  const deflater = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
  const payloads: Buffer[] = [];
  for (const message of messages) {
    const parts: Buffer[] = [];
    deflater.on("data", (part: Buffer) => parts.push(part));
    deflater.write(message);
    await new Promise<void>((resolve) => deflater.flush(constants.Z_SYNC_FLUSH, resolve));
    deflater.removeAllListeners("data");
    payloads.push(Buffer.concat(parts).subarray(0, -4));
  }
  return payloads;
}

test("messages are read with and without context takeover, and with a last block", async () => {
  const payloads = await withTakeover(texts);
  assert.ok(payloads[2]!.length < deflated(texts[2]!).length, "the last message refers to the others");
  const inflater = new MessageInflater();
  for (const [i, payload] of payloads.entries()) assert.deepEqual(inflater.inflate(payload), texts[i]);
  // A sender may begin again at any message (RFC 7692 7.2.3.4: also with a block that is marked as the last).
  assert.deepEqual(inflater.inflate(deflated(texts[0]!)), texts[0]);
  assert.deepEqual(inflater.inflate(deflateRawSync(texts[1]!)), texts[1]);
});

test("a payload that is not compressed is refused", () => {
  assert.throws(() => new MessageInflater().inflate(Buffer.from("not compressed")), /invalid|unexpected/i);
});

test("the agreed window is that of the answer, and an answer without the extension has none", () => {
  const head = (value: string): string =>
    `HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: ${value}\r\nA: b`;
  assert.equal(agreedWindow(head("permessage-deflate")), 32768);
  assert.equal(agreedWindow(head("permessage-deflate; server_max_window_bits=9; client_max_window_bits=10")), 1024);
  assert.equal(
    agreedWindow('HTTP/1.1 101 OK\r\nsec-websocket-extensions: permessage-deflate; client_max_window_bits="11"'),
    2048,
  );
  assert.equal(agreedWindow("HTTP/1.1 101 Switching Protocols"), undefined);
});
