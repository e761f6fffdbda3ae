import { afterAll, describe, expect, test } from "vitest";
import type { ClientOptions } from "ws";
import { onEachTransport } from "../support/transport.ts";
import { describeWith } from "../support/system.ts";
import { aiohttpClient } from "./clients/aiohttp.ts";
import { ChromiumClient } from "./clients/chromium.ts";
import type { Client } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { nodeClient } from "./clients/node.ts";
import { type DeflateOffer, pythonClient } from "./clients/python.ts";
import { bunClient, denoClient } from "./clients/web-runtime.ts";
import { WsClient } from "./clients/ws.ts";
import {
  BINARIES,
  LONG,
  TEXTS,
  agreement,
  connected,
  expectCompressed,
  expectEchoes,
  runCompression,
} from "./compression/checks.ts";
import { type Compression, serveCompressed } from "./compression/serve.ts";

/** What browsers offer. */
const USUAL_OFFER = "permessage-deflate; client_max_window_bits";

type WsDeflate = Exclude<ClientOptions["perMessageDeflate"], boolean | undefined>;

/** A client that ends after the tests of its block. */
function ending<C extends Client>(client: C): C {
  afterAll(() => client.end());
  return client;
}

/** The client of the ws package. It compresses messages of any length. */
const wsClient = (options: WsDeflate = {}): WsClient =>
  new WsClient({ perMessageDeflate: { threshold: 0, ...options } });

onEachTransport(() => {
  describe("the client of the ws package", () => {
    runCompression(() => wsClient(), { offers: USUAL_OFFER, compressesFrom: LONG, fragments: true });

    const policies: readonly Compression[] = [
      true,
      { windowBits: 9, memLevel: 1, level: 1 },
      { windowBits: 15, memLevel: 9, level: 9 },
      { contextTakeover: { pool: 4 } },
    ];
    test.each(policies)("each combination of its options, with compression: %j", async (compression) => {
      const served = await serveCompressed(compression);
      for (const [number, options] of combinations().entries()) {
        const peer = await wsClient(options).open(served.url);
        const contents = [TEXTS[3]!, BINARIES[3]!, TEXTS[3]!, text("abcd", 16_384)];
        await expectEchoes(served, number, peer, contents);
        const { offered, agreed, fromClient, fromServer } = served.wire[number]!;
        expect(agreed, offered).toBe(agreement(offered, compression));
        expect(served.extensions[number]).toBe(agreed);
        expectCompressed(fromClient, contents);
        expectCompressed(fromServer, contents);
        await peer.dispose();
      }
    });

    test("an offer of a window of 8 bits for the server is declined: zlib has none", async () => {
      const { served, peer } = await connected(wsClient({ serverMaxWindowBits: 8 }), true);
      await expectEchoes(served, 0, peer, TEXTS);
      expect(served.extensions).toEqual([""]);
      expectCompressed(served.wire[0]!.fromServer, TEXTS, Infinity);
    });

    test("a client that insists on a window of its own does not accept the server's answer", async () => {
      const { url } = await serveCompressed(true);
      await expect(wsClient({ clientNoContextTakeover: false }).open(url)).rejects.toThrow(
        "Invalid Sec-WebSocket-Extensions header",
      );
    });

    test("a client that offers nothing is not compressed", async () => {
      const { served, peer } = await connected(new WsClient({ perMessageDeflate: false }), true);
      await expectEchoes(served, 0, peer, TEXTS);
      expect([served.wire[0]!.agreed, ...served.extensions]).toEqual(["", ""]);
      expectCompressed(served.wire[0]!.fromServer, TEXTS, Infinity);
    });
  });
});

/** All combinations of the kinds of each option. */
function combinations(): WsDeflate[] {
  const all: WsDeflate[] = [];
  for (const serverNoContextTakeover of [undefined, false, true]) {
    for (const clientNoContextTakeover of [undefined, true]) {
      for (const serverMaxWindowBits of [undefined, 9, 12, 15]) {
        for (const clientMaxWindowBits of [undefined, 9, 15]) {
          const options = {
            serverNoContextTakeover,
            clientNoContextTakeover,
            serverMaxWindowBits,
            clientMaxWindowBits,
          };
          all.push(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
        }
      }
    }
  }
  return all;
}

describe("Node's own WebSocket", () => {
  const client = ending(nodeClient());
  runCompression(() => client, { offers: USUAL_OFFER, compressesFrom: Infinity, fragments: false });
});

describeWith("pythonClients", "Python's websockets", (python) => {
  const offers: readonly (readonly [DeflateOffer, string])[] = [
    [{ client_max_window_bits: true }, USUAL_OFFER],
    [
      { server_no_context_takeover: true, client_no_context_takeover: true },
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
    ],
    [
      { server_max_window_bits: 9, client_max_window_bits: 9 },
      "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
    ],
    [
      { server_max_window_bits: 15, client_max_window_bits: 15 },
      "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
    ],
  ];
  describe.each(offers)("%j", (offer, offered) => {
    const client = ending(pythonClient(python, offer));
    runCompression(() => client, { offers: offered, compressesFrom: LONG, fragments: true });
  });
});

describeWith("pythonClients", "Python's aiohttp", (python) => {
  const offers: readonly (readonly [number, string])[] = [
    [9, `${USUAL_OFFER}; server_max_window_bits=9`],
    [12, `${USUAL_OFFER}; server_max_window_bits=12`],
    [15, USUAL_OFFER],
  ];
  describe.each(offers)("compress=%i", (compress, offered) => {
    const client = ending(aiohttpClient(python, compress));
    runCompression(() => client, { offers: offered, compressesFrom: LONG, fragments: false });
  });
});

describeWith("chromium", "Chromium", (chromium) => {
  const client = ending(new ChromiumClient(chromium));
  runCompression(() => client, { offers: USUAL_OFFER, compressesFrom: LONG, fragments: false });
});

describeWith("bun", "Bun's WebSocket", (bun) => {
  const client = ending(bunClient(bun));
  runCompression(() => client, { offers: USUAL_OFFER, compressesFrom: 65_536, fragments: false });
});

describeWith("deno", "Deno's WebSocket", (deno) => {
  const client = ending(denoClient(deno));

  test("it offers no compression, and is not compressed", async () => {
    const { served, peer } = await connected(client, true);
    const contents = [...TEXTS, ...BINARIES];
    await expectEchoes(served, 0, peer, contents);
    const { offered, agreed, fromServer } = served.wire[0]!;
    expect([offered, agreed, ...served.extensions]).toEqual(["", "", ""]);
    expectCompressed(fromServer, contents, Infinity);
  });
});
