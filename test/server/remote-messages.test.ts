import { expect, test } from "vitest";
import { decodeRecord } from "../../src/backplane/record.ts";
import { Compression } from "../../src/connection/sending/outgoing-message.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";
import { broadcastReceivers, messageOf, relayedMessage } from "../../src/server/remote-messages.ts";
import type { WebSocketConnection } from "../../src/server/websocket-connection.ts";
import { message } from "../support/backplane/records.ts";

const [a, b, c] = ["a", "b", "c"].map((name) => ({ name }) as unknown as WebSocketConnection) as [
  WebSocketConnection,
  WebSocketConnection,
  WebSocketConnection,
];
const byTopic: Record<string, readonly WebSocketConnection[]> = { x: [a, b], y: [b, c] };

test.each([
  [[], [], "abc"],
  [["x"], [], "ab"],
  [["x", "y"], [], "abc"],
  [["nobody"], [], ""],
  [["x"], ["y"], "a"],
  [[], ["x"], "c"],
])("a broadcast to topics %j without %j reaches %s, each once", (topics, exceptTopics, reached) => {
  const { from, except } = broadcastReceivers({ topics, exceptTopics }, [a, b, c], (topic) => byTopic[topic]);
  const got = from.filter((one) => except?.has(one) !== true).map((one) => (one as unknown as { name: string }).name);
  expect(got.join("")).toBe(reached);
});

test("a message of another server has memory of its own", () => {
  const record = message("hello", "other---00000001");
  const { opcode, payload, compression } = messageOf(decodeRecord(record)!);
  record.fill(0);
  expect([opcode, String(payload), compression]).toEqual([Opcode.text, "hello", Compression.allowed]);
});

test("what the application has said about a message goes along", () => {
  const bytes = { opcode: Opcode.binary, payload: "x", key: "k", compression: Compression.forbidden } as const;
  expect(relayedMessage(bytes)).toEqual({ payload: "x", isBinary: true, mayCompress: false, key: "k" });
});
