import assert from "node:assert/strict";
import { test } from "node:test";
import { OPCODE, payload, serverFrame } from "../wire/frames.ts";
import { AnswerCounter } from "./counter.ts";

const answer = serverFrame(OPCODE.text, payload(20, "text"));
const ping = serverFrame(OPCODE.ping, Buffer.from("are you there?"));
const stream = Buffer.concat([answer, answer, ping, answer, ping, ping, answer]);

function countIn(pieces: readonly Buffer[]): number {
  const counter = new AnswerCounter(answer);
  return pieces.reduce((sum, piece) => sum + counter.count(piece, piece.length), 0);
}

test("answers are counted and pings are not, wherever the stream is cut", () => {
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const pieces = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
      assert.equal(countIn(pieces), 4);
    }
  }
});

test("answers are counted when they arrive byte by byte", () => {
  assert.equal(countIn([...stream].map((byte) => Buffer.from([byte]))), 4);
});

test("only the given number of bytes of a chunk is read", () => {
  const readBuffer = Buffer.concat([answer, answer, answer]);
  assert.equal(new AnswerCounter(answer).count(readBuffer, answer.length * 2), 2);
});

test("a first answer with one wrong byte is refused", () => {
  const wrong = Buffer.from(answer);
  wrong[21]! ^= 1;
  assert.throws(() => countIn([wrong]), /not the message that was sent/);
});

test("a frame that is neither an answer nor a ping is refused", () => {
  const close = serverFrame(8, Buffer.alloc(0));
  assert.throws(() => countIn([Buffer.concat([answer, close])]), /not an answer/);
});
