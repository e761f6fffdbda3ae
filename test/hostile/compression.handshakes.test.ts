import { describe, expect, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { RawClient, handshake, masked } from "../support/raw-client.ts";

/** The status and the agreed extensions for an offer. */
async function answerTo(port: number, offer: string): Promise<readonly [number, string | undefined]> {
  const client = await RawClient.connect(port);
  client.write(handshake("/", { "Sec-WebSocket-Extensions": offer }));
  const { status, headers } = await client.response();
  client.socket.destroy();
  return [status, headers.get("sec-websocket-extensions")?.[0]];
}

const BAD = [
  "server_max_window_bits",
  "server_max_window_bits=8",
  "server_max_window_bits=7",
  "server_max_window_bits=16",
  "server_max_window_bits=015",
  "server_max_window_bits=1e1",
  "server_max_window_bits=99999999999999999999999999",
  "server_max_window_bits=10; server_max_window_bits=10",
  "client_max_window_bits=7",
  "client_max_window_bits=16",
  "client_max_window_bits; client_max_window_bits",
  "server_no_context_takeover=true",
  "server_no_context_takeover; server_no_context_takeover",
  "client_no_context_takeover=1",
  "__proto__",
  "__proto__=1",
  "constructor",
  "hasOwnProperty=1",
  "toString",
  "SERVER_NO_CONTEXT_TAKEOVER",
  "unknown=1",
] as const;

describe("an offer of permessage-deflate", () => {
  test.each(BAD)("with %s is declined, and the next one is taken", async (parameters) => {
    const { port } = await startServer({}, { compression: true });
    expect(await answerTo(port, `permessage-deflate; ${parameters}`)).toEqual([101, undefined]);
    const answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    expect(await answerTo(port, `permessage-deflate; ${parameters}, permessage-deflate`)).toEqual([101, answer]);
  });

  test("may have quoted values", async () => {
    const { port } = await startServer({}, { compression: true });
    const [status, answer] = await answerTo(port, 'permessage-deflate; server_max_window_bits="10"');
    expect([status, answer?.includes("server_max_window_bits=10")]).toEqual([101, true]);
  });

  test.each([
    ["a quote that is not closed", 'permessage-deflate; server_max_window_bits="10'],
    ["a value that is no token", 'permessage-deflate; server_max_window_bits="1 0"'],
    ["1000 offers", Array(1000).fill("x").join(",")],
    ["1000 parameters", `x${";y".repeat(1000)}`],
  ])("with %s is ignored", async (_which, offer) => {
    const { port } = await startServer({}, { compression: true });
    expect(await answerTo(port, offer)).toEqual([101, undefined]);
  });

  test("is refused with 10,000 offers: the headers are too large", async () => {
    const { port } = await startServer({}, { compression: true });
    expect((await answerTo(port, Array(10_000).fill("permessage-deflate").join(",")))[0]).toBe(431);
  });

  test("with each window, again and again, with a pool of one", async () => {
    const { port } = await startServer(
      { message: (ws, data) => void ws.send(data) },
      { compression: { threshold: 0, windowBits: 15, contextTakeover: { pool: 1 } } },
    );
    const clients = await Promise.all(
      Array.from({ length: 21 }, (_, i) =>
        RawClient.open(port, "/", {
          "Sec-WebSocket-Extensions": `permessage-deflate; server_max_window_bits=${9 + (i % 7)}`,
        }),
      ),
    );
    for (let round = 0; round < 10; round++) {
      for (const client of clients) client.write(masked(0x81, "a text that gets smaller ".repeat(10)));
      for (const client of clients) expect((await client.frame())?.rsv).toBe(4);
    }
  });
});
