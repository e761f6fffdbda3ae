import assert from "node:assert/strict";
import { test } from "node:test";
import { VARIED_MESSAGES, variedMessages, variedTexts } from "./varied.ts";

test("all texts are JSON of the given size, and differ", () => {
  for (const size of [200, 1024, 70_000]) {
    const texts = variedTexts(size).map(String);
    assert.equal(new Set(texts).size, VARIED_MESSAGES);
    assert.ok(texts.every((text) => text.length === size && JSON.stringify(JSON.parse(text)) === text));
  }
});

test("the texts are the same in every run", () => {
  assert.deepEqual(variedTexts(300), variedTexts(300));
});

test("the frames of several messages are those of each, also from the last message to the first", () => {
  for (const compressed of [false, true]) {
    const { frames, firstByte } = variedMessages(300, 4, compressed);
    const joined = Buffer.concat([510, 511, 512, 513].map((number) => frames(number, 1)));
    assert.deepEqual(frames(510, 4), joined);
    assert.equal(frames(510, 1)[0], firstByte);
    assert.equal(firstByte, compressed ? 0xc1 : 0x81);
  }
});

test("a size that is too small is refused", () => {
  assert.throws(() => variedTexts(10), /at least \d+ bytes, not 10/);
});
