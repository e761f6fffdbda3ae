import { describe, expect, onTestFinished, test } from "vitest";
import { WsClient } from "./clients/ws.ts";
import { onEachTransport, wsOptions } from "../support/transport.ts";
import { runScenarios } from "./scenarios/run-scenarios.ts";
import { serve } from "./scenarios/serve.ts";

describe("the client of the ws package", () => {
  runScenarios({ create: async () => new WsClient() });
});

onEachTransport(() => {
  // shows 6455-5.6-1
  test("a fragment of a text may end inside a character", async () => {
    const { url, recorders } = await serve();
    const peer = await new WsClient(wsOptions()).open(url);
    onTestFinished(() => peer.dispose());
    for (const byte of Buffer.from("Grüße, 世界 😀")) peer.socket.send(Buffer.of(byte), { binary: false, fin: false });
    peer.socket.send("", { fin: true });
    expect(await peer.received(1)).toEqual(["text: Grüße, 世界 😀"]);
    expect(recorders[0]!.messages).toEqual(["Grüße, 世界 😀"]);
  });

  // shows 6455-4.2.2-9
  test("its offer to compress is declined", async () => {
    const offers: unknown[] = [];
    const { url } = await serve({ connection: ({ request }) => void offers.push(request.headers) });
    const peer = await new WsClient(wsOptions()).open(url);
    onTestFinished(() => peer.dispose());
    expect(offers).toMatchObject([
      { "sec-websocket-extensions": expect.stringContaining("permessage-deflate") as string },
    ]);
    expect(peer.socket.extensions).toBe("");
  });
});
