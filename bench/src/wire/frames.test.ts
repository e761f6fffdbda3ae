import assert from "node:assert/strict";
import { test } from "node:test";
import { OPCODE, clientFrame, payload, serverFrame } from "./frames.ts";
import { ACCEPT } from "./handshake.ts";

test("the answer to the key of RFC 6455 1.3 is the one in the RFC", () => {
  assert.equal(ACCEPT, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("frames are those of RFC 6455 5.7, in each of the three forms of the length", () => {
  assert.equal(serverFrame(OPCODE.text, Buffer.from("Hello")).toString("hex"), "810548656c6c6f");
  assert.equal(serverFrame(OPCODE.binary, Buffer.alloc(256)).subarray(0, 4).toString("hex"), "827e0100");
  assert.equal(serverFrame(OPCODE.binary, Buffer.alloc(65536)).subarray(0, 10).toString("hex"), "827f0000000000010000");
  assert.equal(clientFrame(OPCODE.text, Buffer.alloc(4)).toString("hex"), "81841234567812345678");
});

test("a JSON payload has the given length, and does not change when it is parsed and written", () => {
  const text = payload(300, "json").toString();
  assert.equal(text.length, 300);
  assert.equal(JSON.stringify(JSON.parse(text)), text);
});
