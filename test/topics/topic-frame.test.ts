import { expect, test } from "vitest";
import { outgoingMessage } from "../../src/connection/sending/outgoing-message.ts";
import { recoveredFlag, HEADER_START, topicHeader, withHeader } from "../../src/topics/topic-frame.ts";

test("a header line has four fields; the topic is the last one, because it may have spaces", () => {
  expect(topicHeader("m", "p", "-", "two words")).toBe("\x1em p - two words\n");
  expect(topicHeader("s", undefined, "0", "a")).toBe("\x1es - 0 a\n");
  expect(HEADER_START).toBe("\x1e");
});

test("text stays text, and bytes stay bytes", () => {
  const header = topicHeader("m", undefined, "-", "ü");
  expect(withHeader(header, outgoingMessage("text"))).toMatchObject({ opcode: 1, payload: `${header}text` });
  const bytes = withHeader(header, outgoingMessage(new Uint8Array([0, 255])));
  expect([bytes.opcode, bytes.payload]).toEqual([2, Buffer.concat([Buffer.from(header), Buffer.of(0, 255)])]);
});

test("no JSON begins with the first character of a header line", () => {
  expect(() => JSON.parse(`${HEADER_START}1`) as unknown).toThrow();
});

test("the flag of a subscription says whether nothing is missing", () => {
  expect([true, false, undefined].map(recoveredFlag)).toEqual(["1", "0", "-"]);
});
