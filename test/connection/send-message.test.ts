import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { sendMessage } from "../../src/connection/send-message.ts";
import { SendResult } from "../../src/connection/sending/send-result.ts";

function rig(result: SendResult = SendResult.accepted) {
  const sent: string[] = [];
  const note =
    (name: string) =>
    (message: unknown): SendResult => {
      sent.push(`${name} ${typeof message}`);
      return result;
    };
  return { sent, connection: { sendText: note("text"), send: note("message") } as unknown as Connection };
}

test("texts and plain objects go the short way, others are made into a message", () => {
  const { sent, connection } = rig();
  sendMessage(connection, "a", undefined);
  sendMessage(connection, { a: 1 }, undefined);
  sendMessage(connection, new Uint8Array(1), undefined);
  sendMessage(connection, "a", { key: "k" });
  expect(sent).toEqual(["text string", "text string", "message object", "message object"]);
});

test("it tells whether there is space for more", () => {
  const results = [SendResult.accepted, SendResult.acceptedAndSlow, SendResult.dropped];
  expect(results.map((result) => sendMessage(rig(result).connection, "a", undefined))).toEqual([true, false, false]);
  expect(() => sendMessage(rig().connection, Symbol("a"), undefined)).toThrow();
  expect(() => sendMessage(rig().connection, "a", 7 as never)).toThrow("send: options");
});

test("a stream whose options are wrong is cancelled, so that its file is closed; one that is sent already is not", () => {
  const stream = Readable.from(["a"]);
  expect(() => sendMessage(rig().connection, stream, { key: 7 as never })).toThrow("key");
  expect(stream.destroyed).toBe(true);
  const sent = Readable.from(["a"]);
  sendMessage(rig().connection, sent, undefined);
  expect(() => sendMessage(rig().connection, sent, undefined)).toThrow("sent before");
  expect(() => sendMessage(rig().connection, sent, { key: 7 as never })).toThrow("key");
  expect(sent.destroyed).toBe(false);
});
