import assert from "node:assert/strict";
import { test } from "node:test";
import { COMPRESSED, deflated } from "../wire/deflate.ts";
import { OPCODE, serverFrame } from "../wire/frames.ts";
import { variedMessages } from "../wire/varied.ts";
import { VariedCounter } from "./varied-counter.ts";

const messages = variedMessages(300, 4, true);
const ping = serverFrame(OPCODE.ping, Buffer.from("are you there?"));

/** The answer to a message, compressed. */
function answer(number: number): Buffer {
  return serverFrame(OPCODE.text | COMPRESSED, deflated(messages.texts[number % messages.texts.length]!));
}

function countIn(pieces: readonly Buffer[], first = 0): number {
  const counter = new VariedCounter(messages, true, first);
  return pieces.reduce((sum, piece) => sum + counter.count(piece, piece.length), 0);
}

test("answers of different lengths are counted and pings are not, wherever the stream is cut", () => {
  const stream = Buffer.concat([answer(5), ping, answer(6), answer(7), ping]);
  for (let cut = 0; cut <= stream.length; cut++) {
    assert.equal(countIn([stream.subarray(0, cut), stream.subarray(cut)], 5), 3);
  }
  const bytes = [...stream].map((byte) => Buffer.from([byte]));
  assert.equal(countIn(bytes, 5), 3);
});

test("only the given number of bytes of a chunk is read", () => {
  const [one, two] = [answer(0), answer(1)];
  assert.equal(new VariedCounter(messages, true, 0).count(Buffer.concat([one, two]), one.length), 1);
});

test("answers after the last message are those of the first ones", () => {
  assert.equal(countIn([answer(511), answer(512)], 511), 2);
});

test("an answer that is not compressed is refused, the first one and each later one", () => {
  const plain = serverFrame(OPCODE.text, messages.texts[0]!);
  assert.throws(() => countIn([plain]), /not compressed/);
  const many = Array.from({ length: 100 }, (_, number) => answer(number));
  assert.equal(countIn(many), 100);
  assert.throws(() => countIn([...many, plain]), /not compressed/);
});

test("an answer with another message is refused", () => {
  assert.throws(() => countIn([answer(0), answer(2)]), /answer 2 of a connection is not the message that was sent/);
});

test("any other frame is refused, and an empty answer", () => {
  assert.throws(() => countIn([serverFrame(8, Buffer.alloc(0))]), /not an answer/);
  assert.throws(() => countIn([serverFrame(OPCODE.text | COMPRESSED, Buffer.alloc(0))]), /empty/);
});

test("answers without compression are compared too", () => {
  const plain = variedMessages(300, 4, false);
  const counter = new VariedCounter(plain, false, 0);
  const stream = Buffer.concat([0, 1].map((number) => serverFrame(OPCODE.text, plain.texts[number]!)));
  assert.equal(counter.count(stream, stream.length), 2);
  const compressed = answer(2);
  assert.throws(() => counter.count(compressed, compressed.length), /0xc1/);
});
