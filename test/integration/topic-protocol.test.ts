import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { deferred, until } from "../support/peer.ts";
import { RawClient, masked } from "../support/raw-client.ts";
import { framed } from "../support/topic-frame.ts";
import { gets, topicServer } from "../support/topic-server.ts";
import { onEachTransport } from "../support/transport.ts";

/** A client of raw frames under `hawser.v1`. */
function rawClient(port: number): Promise<RawClient> {
  return RawClient.open(port, "/", { "Sec-WebSocket-Protocol": "hawser.v1" });
}

const TEXT = 0x81;
const BINARY = 0x82;

onEachTransport(() => {
  test("a client subscribes, gets what is published, and unsubscribes", async () => {
    const { wss, open } = await topicServer();
    const [ann, bob] = [await open(), await open()];
    expect(ann.socket.protocol).toBe("hawser.v1");
    for (const peer of [ann, bob]) peer.socket.send("\x1es - - a b\n");
    for (const peer of [ann, bob]) await gets(peer, "\x1es - - a b\n");
    void wss.publish("a b", "text");
    void wss.publish("a b", Buffer.from("bytes"));
    bob.socket.send("\x1eu - - a b\n");
    await gets(bob, "\x1eu - 1000 a b\n");
    void wss.publish("a b", "end");
    await gets(ann, "\x1em - - a b\nend");
    expect(ann.messages).toEqual([
      "\x1es - - a b\n",
      "\x1em - - a b\ntext",
      Buffer.from("\x1em - - a b\nbytes"),
      "\x1em - - a b\nend",
    ]);
    expect(bob.messages).toHaveLength(4);
  });

  test("a client that comes back gets what it has missed", async () => {
    const { wss, open } = await topicServer();
    const first = await open();
    first.socket.send("\x1es - - chat:1\n");
    await until(() => first.messages.length === 1);
    await wss.publish("chat:1", "1");
    await until(() => first.messages.length === 2);
    first.socket.terminate();
    await first.closed;
    await wss.publish("chat:1", "2");
    const second = await open();
    second.socket.send(`\x1es ${framed(String(first.messages[1])).position} - chat:1\n`);
    await until(() => second.messages.length === 2);
    const lines = second.messages.map((one) => framed(String(one)));
    expect(lines.map(({ kind, flag, data }) => [kind, flag, data])).toEqual([
      ["s", "1", ""],
      ["m", "-", "2"],
    ]);
  });

  test.each(["text", "blob", "object", "auto"])(
    "requests may be fragmented, with the dataType %s",
    async (dataType) => {
      const { port, members } = await topicServer({ options: { dataType } });
      const client = await rawClient(port);
      client.write(masked(0x01, "\x1e"), masked(0x00, "s - "), masked(0x89, "ping"), masked(0x80, "- chat\n"));
      client.write(masked(0x01, ""), masked(0x80, "\x1es - - empty first\n"));
      client.write(masked(TEXT, '"message"'));
      await until(() => members[0]!.log.length === 3);
      const message = dataType === "blob" ? Buffer.from('"message"') : dataType === "object" ? "message" : '"message"';
      expect(members[0]!.log).toEqual(["chat", "empty first", message]);
    },
  );

  test.each([
    ["no line end", TEXT, "\x1es - - a"],
    ["a message after the line", TEXT, "\x1es - - a\nb"],
    ["an unknown kind", TEXT, "\x1em - - a\n"],
    ["a topic that has no valid name", TEXT, "\x1es - - \x07\n"],
    ["the first character alone", TEXT, "\x1e"],
    ["a megabyte", TEXT, "\x1e".padEnd(1_000_000, "s ")],
    ["a binary message", BINARY, "\x1es - - a\n"],
  ])("%s: close 1002", async (_what, first, message) => {
    const { port, members, wss } = await topicServer();
    const client = await rawClient(port);
    client.write(masked(TEXT, "before"), masked(first, message), masked(TEXT, "after"));
    const { opcode, payload } = (await client.frame())!;
    expect([opcode, payload.readUInt16BE(), payload.subarray(2).toString()]).toEqual([
      8,
      1002,
      "invalid topic request",
    ]);
    client.end();
    await until(() => wss.connections.length === 0);
    expect(members[0]!.log).toEqual(["before", expect.objectContaining({ code: "HWS_TOPIC_FRAME" })]);
  });

  test("what comes before a wrong request is handled first, also if the handler is busy", async () => {
    const busy = deferred<boolean>();
    const { open, members } = await topicServer({ decide: () => busy.promise });
    const peer = await open();
    for (const text of ["\x1es - - a\n", "message", "\x1e", "late"]) peer.socket.send(text);
    await until(() => members[0]!.log.length === 1);
    busy.resolve(true);
    expect(await peer.closed).toEqual([1002, "invalid topic request"]);
    expect(members[0]!.log).toEqual(["a", "message", expect.objectContaining({ code: "HWS_TOPIC_FRAME" })]);
  });

  test("requests may be compressed, also while the handler is busy", async () => {
    const busy = deferred<boolean>();
    const decide = ({ topic }: { topic: string }): unknown => topic !== "a" || busy.promise;
    const { open, members } = await topicServer({ decide, options: { compression: { threshold: 0 } } });
    const peer = await open(["hawser.v1"], { perMessageDeflate: { threshold: 0 } });
    expect(peer.socket.extensions).toContain("permessage-deflate");
    const long = "b".repeat(200);
    for (const line of ["s - - a", `s ${randomBytes(9_000).toString("hex")} - ${long}`, "u - - a"])
      peer.socket.send(`\x1e${line}\n`);
    await until(() => members[0]!.log.length === 1);
    busy.resolve(true);
    await gets(peer, "\x1eu - 1000 a\n");
    expect(peer.messages).toEqual(["\x1es - - a\n", `\x1es - 0 ${long}\n`, "\x1eu - 1000 a\n"]);
  });

  test("a wrong request that is compressed closes with 1002, text and binary", async () => {
    const { open } = await topicServer({ options: { compression: { threshold: 0 } } });
    for (const message of ["\x1e", Buffer.from("\x1es - - a\n")]) {
      const peer = await open(["hawser.v1"], { perMessageDeflate: { threshold: 0 } });
      peer.socket.send(message);
      expect(await peer.closed).toEqual([1002, "invalid topic request"]);
    }
  });

  test("10,000 requests in a row are answered in their order", async () => {
    const { open, wss } = await topicServer({
      decide: ({ topic }) => (Number(topic) % 3 === 0 ? Promise.resolve(true) : Number(topic) % 3 === 1),
      options: { maxTopicsPerConnection: 10_000 },
    });
    const peer = await open();
    for (let n = 0; n < 10_000; n++) peer.socket.send(`\x1es - - ${n}\n`);
    await until(() => peer.messages.length === 10_000);
    const expected = Array.from({ length: 10_000 }, (_, n) =>
      n % 3 === 2 ? `\x1eu - 403 ${n}\n` : `\x1es - - ${n}\n`,
    );
    expect(peer.messages).toEqual(expected);
    expect(wss.counters.topicRequests).toEqual({ granted: 6_667, refused: 3_333, failed: 0, delayed: 0 });
  });

  test("requests that come after the close has begun are nothing", async () => {
    const { port, members, wss } = await topicServer();
    const client = await rawClient(port);
    client.write(masked(TEXT, "\x1es - - a\n"));
    expect((await client.frame())!.payload.toString()).toBe("\x1es - - a\n");
    wss.connections[0]!.close(4000);
    expect((await client.frame())!.opcode).toBe(8);
    client.write(masked(TEXT, "\x1es - - b\n"), masked(TEXT, "\x1e"), masked(0x88, [0x0f, 0xa0]));
    client.end();
    await until(() => wss.connections.length === 0);
    expect(members[0]!.log).toEqual(["a"]);
    expect(wss.counters).toMatchObject({ topics: 0, topicRequests: { granted: 1 } });
  });

  test("requests in the chunk of the close frame are answered before it", async () => {
    const { port } = await topicServer({ decide: () => Promise.resolve(true) });
    const client = await rawClient(port);
    client.write(masked(TEXT, "\x1es - - a\n"), masked(0x88, [0x03, 0xe8]));
    expect((await client.frame())!.opcode).toBe(8);
  });
});
