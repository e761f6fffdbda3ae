import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { Relay } from "../../../src/client/node/relay.ts";
import { utf8 } from "../../support/bytes.ts";
import { Wire, turns } from "../../support/wire.ts";

/** What a relay reads, and how it fails. */
function read(relay: Relay) {
  const noted: { texts: string[]; error: unknown } = { texts: [], error: undefined };
  relay.on("data", (chunk: Buffer) => noted.texts.push(chunk.toString())).on("error", (error) => (noted.error = error));
  return noted;
}

test("bytes pass both ways, and the rest stays with the stream", async () => {
  const wire = new Wire();
  const relay = new Relay(wire, Buffer.from("head"));
  const { texts } = read(relay);
  relay.write("request");
  wire.arrive(utf8("a"));
  await turns();
  expect([texts, Buffer.from(wire.taken).toString()]).toEqual([["head", "a"], "request"]);
  relay.removeAllListeners("data").pause();
  wire.arrive(utf8("b"));
  const { stream, head } = relay.release(Buffer.from("="));
  expect([stream, head.toString(), wire.destroyed]).toEqual([wire, "=b", false]);
  expect(["data", "end", "error", "close"].map((name) => wire.listenerCount(name))).toEqual([0, 0, 0, 0]);
});

test("the bytes are a copy: who made the stream may use the memory again", async () => {
  const stream = new Duplex({ read: () => undefined, readableObjectMode: true });
  const relay = new Relay(stream);
  relay.resume().pause();
  const memory = Uint8Array.from(utf8("abc"));
  await turns();
  stream.push(memory);
  await turns();
  memory.fill(0);
  expect((relay.read() as Buffer).toString()).toBe("abc");
});

test.each<[string, () => unknown]>([
  ["a text", () => "text"],
  ["a number", () => 42],
  ["an object", () => ({ a: 1 })],
  ["a list", () => [1]],
  ["a Proxy of bytes", () => new Proxy(utf8("a"), {})],
])("a chunk that is no bytes destroys both: %s", async (_what, chunk) => {
  const stream = new Duplex({ read: () => undefined, objectMode: true });
  const relay = new Relay(stream);
  const noted = read(relay);
  stream.push(chunk());
  await turns();
  expect(noted).toMatchObject({ texts: [], error: expect.any(TypeError) as unknown });
  expect([relay.destroyed, stream.destroyed]).toEqual([true, true]);
});

test.each(["on", "resume", "write"])("a stream whose %s throws fails instead", async (name) => {
  const stream = Object.assign(new Wire(), {
    [name]: () => {
      throw new Error("no");
    },
  });
  const relay = new Relay(stream);
  const noted = read(relay);
  relay.write("a");
  await turns();
  expect(noted.error).toEqual(new Error("no"));
});

test("the end, the failure and the close of the stream are its own", async () => {
  const ended = new Wire();
  const relay = new Relay(ended);
  let hasEnded = false;
  read(relay);
  relay.on("end", () => (hasEnded = true));
  ended.arriveEnd();
  await turns();
  expect(hasEnded).toBe(true);
  const failed = new Wire();
  const noted = read(new Relay(failed));
  failed.destroy(new Error("broken"));
  await turns();
  expect(noted.error).toEqual(new Error("broken"));
  failed.on("error", () => undefined);
  const late = new Relay(failed);
  expect([late.destroyed, late.errored]).toEqual([true, new Error("broken")]);
  late.on("error", () => undefined);
  await turns();
});
