import assert from "node:assert/strict";
import { test } from "node:test";
import { OPCODE, payload, serverFrame } from "../wire/frames.ts";
import { FrameCounter } from "./frame-counter.ts";

const message = payload(100, "text");
const answer = (position: string): Buffer =>
  serverFrame(OPCODE.text, Buffer.concat([Buffer.from(`\x1em ${position} - all\n`), message]));
const ping = (text: string): Buffer => serverFrame(OPCODE.ping, Buffer.from(text));
const stream = Buffer.concat([ping(""), answer("a.1.b"), answer("a.10.b"), ping("12"), answer("a".repeat(40))]);

test("answers of any length are counted, wherever the chunks end, and pings are not", () => {
  for (let size = 1; size <= stream.length; size++) {
    const counter = new FrameCounter(message);
    let count = 0;
    for (let at = 0; at < stream.length; at += size) {
      const chunk = stream.subarray(at, at + size);
      count += counter.count(chunk, chunk.length);
    }
    assert.equal(count, 3, `chunks of ${size}`);
  }
});

test("a first answer without the message, another frame and a long one are errors", () => {
  const failing = [
    [serverFrame(OPCODE.text, Buffer.from("other")), /not the message/],
    [serverFrame(OPCODE.binary, message), /begins with 0x82/],
    [serverFrame(OPCODE.text, Buffer.alloc(70_000)), /too long/],
  ] as const;
  for (const [bytes, error] of failing)
    assert.throws(() => new FrameCounter(message).count(bytes, bytes.length), error);
});
