import { expect, test } from "vitest";
import { AutoResponse } from "../../src/connection/auto-response.ts";
import { decoders } from "../../src/connection/receiving/decode.ts";
import { asClient, encode } from "../support/frames.ts";
import { hex, utf8 } from "../support/bytes.ts";
import { Session, binary, text } from "../support/session.ts";
import { turns } from "../support/wire.ts";

const start = (): undefined => undefined;

test("only a connection whose handler has onMessageStart has bodies: for others nothing changes", async () => {
  const plain = new Session();
  plain.receive(text("a"), binary("01"));
  const asked = new Session({ start });
  asked.receive(text("a"), binary("01"));
  await turns();
  const delivered = [
    ["message", "a"],
    ["message", Buffer.from([1])],
  ];
  expect(plain.calls).toEqual([["open"], ...delivered]);
  expect(asked.calls).toEqual([["open"], ["start"], delivered[0], ["start"], delivered[1]]);
});

test("a text that may be a request to the library is not offered as a stream", async () => {
  const decode = { ...decoders.auto, mayBeRequest: true };
  const session = new Session({ start }, { decode });
  session.receive(text("a"), asClient(hex("01 01 62")), asClient(hex("80 01 63")), binary("01"));
  await turns();
  expect(session.calls.map(([name]) => name)).toEqual(["open", "message", "message", "start", "message"]);
});

test("a request of autoResponse is answered, also in fragments, and a longer text goes to the handler", async () => {
  const session = new Session({ start }, { autoResponse: new AutoResponse("ping", "pong") });
  session.receive(text("ping"), asClient(hex("01 02 70 69")), asClient(hex("80 02 6e 67")), text("pings"));
  await turns();
  expect(session.sent).toEqual([
    ["text", "pong"],
    ["text", "pong"],
  ]);
  expect(session.calls).toEqual([["open"], ["start"], ["message", "pings"]]);
});

test("each message counts once in maxMessagesPerSecond, gathered or not", async () => {
  const session = new Session({ start }, { maxMessagesPerSecond: 2, ratePolicy: "close" });
  const [first, last] = [
    encode({ opcode: 2, fin: false, payload: utf8("a") }),
    encode({ opcode: 0, payload: utf8("b") }),
  ];
  session.receive(asClient(first), asClient(last), asClient(first), asClient(last));
  await turns();
  expect(session.calls.filter(([name]) => name === "message")).toHaveLength(2);
  session.receive(text("one too many"));
  await turns();
  expect(session.settings.limitCounters.maxMessagesPerSecond).toBe(1);
  expect(session.connection.status).not.toBe("Connected");
});

test("invalid UTF-8 in a message under another dataType fails the connection, as it does without a stream", async () => {
  const session = new Session({ start }, { decode: decoders.text });
  session.receive(binary("ff"));
  await turns();
  expect(session.calls).toEqual([["open"], ["start"], ["error", 113]]);
});

test("a message that begins after we have closed is discarded", async () => {
  const session = new Session({ start });
  session.connection.close(1000);
  session.receive(asClient(encode({ opcode: 2, fin: false, payload: utf8("late") })), asClient(hex("80 00")));
  await turns();
  expect(session.calls).toEqual([["open"]]);
});
