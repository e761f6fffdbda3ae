import { describe, expect, test } from "vitest";
import type { ClientOptions } from "../../../src/client/options.ts";
import { RecordedClient } from "../../support/recorded-client.ts";
import { hasLeft, scriptServer } from "../../support/scripted-server.ts";

const forEver = new Promise<never>(() => undefined);

/** Where a dial hangs, and the options that lead there. `port` is that of a server that says nothing. */
const stages: readonly [stage: string, url: string, options: (port: number) => ClientOptions, connects: boolean][] = [
  ["the subprotocols are asked for", "ws://127.0.0.1:PORT", () => ({ protocols: () => forEver }), false],
  ["the headers are asked for", "ws://127.0.0.1:PORT", () => ({ headers: () => forEver }), false],
  ["the connection is made by the application", "ws://a", () => ({ createConnection: () => forEver }), false],
  ["the proxy answers", "ws://a", (port) => ({ proxy: `http://127.0.0.1:${String(port)}` }), true],
  ["TLS with the proxy", "ws://a", (port) => ({ proxy: `https://127.0.0.1:${String(port)}` }), true],
  ["TLS with the server", "wss://127.0.0.1:PORT", () => ({}), true],
  ["the server answers", "ws://127.0.0.1:PORT", () => ({}), true],
];

describe.each(stages)("while %s", (_stage, url, optionsFor, connects) => {
  async function hang(more: ClientOptions = {}) {
    const { port, sockets } = await scriptServer(() => undefined);
    const client = new RecordedClient(url.replace("PORT", String(port)), { ...optionsFor(port), ...more });
    if (connects) await expect.poll(() => sockets.length).toBe(1);
    else await new Promise((resolve) => setTimeout(resolve, 10));
    return { client, sockets };
  }

  test("terminate ends the client, without an error, and its socket", async () => {
    const { client, sockets } = await hang();
    client.ws.terminate();
    expect(await client.ended).toMatchObject({ code: 1005, initiator: "local" });
    expect(client.calls).toEqual(["terminate"]);
    await expect.poll(() => sockets.every(hasLeft)).toBe(true);
  });

  test("destroy does as well", async () => {
    const { client, sockets } = await hang();
    client.ws.destroy();
    await client.ended;
    expect(client.calls).toEqual(["terminate"]);
    await expect.poll(() => sockets.every(hasLeft)).toBe(true);
  });

  test("handshakeTimeout ends the dial, and its socket", async () => {
    const { client, sockets } = await hang({ handshakeTimeout: 100 });
    expect(await client.ended).toMatchObject({ code: 1006 });
    expect(client.error).toMatchObject({ code: "HWS_CONNECT_TIMEOUT" });
    await expect.poll(() => sockets.every(hasLeft)).toBe(true);
  });

  test("reconnect() dials anew, and the first socket is destroyed", async () => {
    const { client, sockets } = await hang({ reconnect: true });
    client.ws.reconnect();
    if (connects) await expect.poll(() => sockets.length).toBe(2);
    await expect.poll(() => sockets.slice(0, -1).every(hasLeft)).toBe(true);
    client.ws.terminate();
    await client.ended;
    await expect.poll(() => sockets.every(hasLeft)).toBe(true);
    expect(client.calls).toEqual(["terminate"]);
  });
});

test("a URL that is never told is given up in the same way", async () => {
  const client = new RecordedClient((() => forEver) as never, { handshakeTimeout: 50 });
  await client.ended;
  expect(client.error).toMatchObject({ code: "HWS_CONNECT_TIMEOUT", stage: "provider" });
});
