import { expect, test } from "vitest";
import {
  EPOCH_SIZE,
  ID_SIZE,
  MessageIds,
  NO_ID,
  randomEpoch,
  randomName,
  readId,
  writeId,
} from "../../src/backplane/ids.ts";
import { allocate } from "../../src/protocol/bytes.ts";

test("ids of a node differ, begin with its name, and are 12 bytes", () => {
  const ids = new MessageIds("nodename");
  const many = Array.from({ length: 1_000 }, () => ids.next());
  expect(new Set(many).size).toBe(1_000);
  for (const id of many) expect(id).toMatch(/^nodename[\w-]{8}$/);
  expect(many).not.toContain(NO_ID);
});

test("two nodes have different names", () => {
  expect(new Set(Array.from({ length: 100 }, () => new MessageIds().node)).size).toBe(100);
  expect(randomName()).toMatch(/^[\w-]{8}$/);
});

test("the bytes of new epochs differ, and stay as they are when more are made", () => {
  const epochs = Array.from({ length: 3_000 }, () => {
    const bytes = randomEpoch();
    return { bytes, text: bytes.toString("hex") };
  });
  expect(new Set(epochs.map(({ text }) => text)).size).toBe(3_000);
  for (const { bytes, text } of epochs) expect([bytes.length, bytes.toString("hex")]).toEqual([EPOCH_SIZE, text]);
});

test("an id is the same after it was written as bytes", () => {
  const bytes = allocate(ID_SIZE + 2);
  const id = new MessageIds().next();
  expect(writeId(bytes, id, 1)).toBe(ID_SIZE + 1);
  expect(readId(bytes, 1, ID_SIZE)).toBe(id);
  writeId(bytes, NO_ID, 1);
  expect([...bytes.subarray(1, ID_SIZE + 1)]).toEqual(Array.from({ length: ID_SIZE }, () => 0));
});
