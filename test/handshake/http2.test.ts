import { expect, test } from "vitest";
import { Http2Request } from "../../src/handshake/http2-request.ts";
import { readHttp2 } from "../../src/handshake/http2.ts";
import type { HandshakeOffer } from "../../src/handshake/offer.ts";
import type { HandshakeRules } from "../../src/handshake/offered.ts";
import { Refusal } from "../../src/handshake/refusal.ts";
import { originRule } from "../../src/handshake/rules/origin.ts";
import { SAMPLE_KEY } from "../support/raw-client.ts";
import { answerTo, restOf, streamPair } from "../support/http2-client.ts";

const RULES: HandshakeRules = { originRule: originRule(undefined), addressRule: undefined, maxHeaderSize: 16_384 };

type Pair = Awaited<ReturnType<typeof streamPair>>;

async function read(
  headers = {},
  rules: Partial<HandshakeRules> = {},
): Promise<Pair & { offer: HandshakeOffer | Refusal }> {
  const pair = await streamPair(headers);
  const message = new Http2Request(pair.server, pair.received, pair.raw);
  return { ...pair, offer: readHttp2(message, pair.server, { ...RULES, ...rules }) };
}

async function accepted(headers = {}): Promise<Pair & { offer: HandshakeOffer }> {
  const pair = await read(headers);
  if (pair.offer instanceof Refusal) throw new Error(pair.offer.body);
  return { ...pair, offer: pair.offer };
}

// shows 8441-5-1
test("an extended CONNECT is an offer, with what the client offers", async () => {
  const { offer, server } = await accepted({
    "sec-websocket-protocol": "chat, mqtt",
    "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
  });
  expect(offer.stream).toBe(server);
  expect(offer.protocols).toEqual(["chat", "mqtt"]);
  expect(offer.extensions).toMatchObject([{ name: "permessage-deflate" }]);
});

// shows 8441-5-2
test("accepting answers 200 at once, so the connection writes no text first", async () => {
  const { client, offer } = await accepted();
  const handshake = offer.accept({ protocol: "chat" });
  expect(handshake).toMatchObject({ handshakeResponse: "", protocol: "chat", extensions: [], deflate: undefined });
  expect(handshake.head).toHaveLength(0);
  expect(await answerTo(client)).toMatchObject({ ":status": 200, "sec-websocket-protocol": "chat" });
});

// shows 8441-5-4
test("no key is needed; one that came is answered; one that is malformed is not", async () => {
  const keys = [undefined, SAMPLE_KEY, "short"];
  const answers = await Promise.all(
    keys.map(async (key) => {
      const { client, offer } = await accepted({ "sec-websocket-key": key });
      offer.accept({});
      return (await answerTo(client))["sec-websocket-accept"];
    }),
  );
  expect(answers).toEqual([undefined, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", undefined]);
});

// shows 8441-5-3
test.each([
  ["another version", { "sec-websocket-version": "12" }, 400, "version"],
  ["no version", { "sec-websocket-version": undefined }, 400, "version"],
  ["a path with a fragment", { ":path": "/a#b" }, 400, "malformed"],
  ["a path that is not ASCII", { ":path": "/\xe0" }, 400, "malformed"],
  ["a length", { "content-length": "5" }, 400, "malformed"],
  ["a malformed subprotocol", { "sec-websocket-protocol": "a b" }, 400, "malformed"],
  ["a page of another origin", { origin: "https://evil.example" }, 403, "origin"],
  ["headers that are too large", { "x-large": "x".repeat(20_000) }, 431, "headers"],
])("%s is refused", async (_name, headers, status, reason) => {
  expect((await read(headers)).offer).toMatchObject({ status, reason });
});

test("a page of the host that the client asked for may connect", async () => {
  const { offer } = await read({ ":authority": "example.com", origin: "https://example.com" });
  expect(offer).not.toBeInstanceOf(Refusal);
});

test("refusing sends the status, and the stream lingers", async () => {
  const { client, offer, server } = await accepted();
  const lingering: unknown[] = [];
  offer.refuse(new Refusal(403, "No."), (stream) => lingering.push(stream));
  expect(await answerTo(client)).toMatchObject({ ":status": 403 });
  expect((await restOf(client)).toString()).toBe("No.\n");
  expect(lingering).toEqual([server]);
});
