import nodeAdapter from "crossws/adapters/node";
import { InvalidArgumentError } from "hawser";
import { type CrosswsServerOptions, crosswsAdapter, crosswsServer } from "hawser/crossws";
import { describe, expect, test, vi } from "vitest";
import { type Hooks, serve } from "./rig.ts";

const DEFLATE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

describe("crosswsServer", () => {
  test("runs below an adapter that crossws makes", async () => {
    const wss = crosswsServer();
    const { open } = await serve(
      nodeAdapter({ wss, hooks: { message: (peer, message) => void peer.send(message.text()) }, idleTimeout: 0.25 }),
    );
    const client = await open();
    expect(await client.ask("hello")).toBe("hello");
    expect(wss.hawser.connections).toHaveLength(1);
    // crossws' own pings are answered.
    const silent = await open("/", { autoPong: false });
    expect((await silent.closed)[0]).toBe(1006);
    expect(await client.ask("still here")).toBe("still here");
  });

  test("emits close at its end", async () => {
    const wss = crosswsServer();
    const closed = vi.fn();
    wss.on("close", closed);
    await wss.hawser.terminate();
    expect(closed).toHaveBeenCalledOnce();
  });

  test.each(["dataType", "host", "http2", "listen", "path", "port", "protocols", "requestListener", "server", "tls"])(
    "does not have the option %s",
    (name) => {
      expect(() => crosswsServer({ [name]: "x" })).toThrow(
        new InvalidArgumentError(`${name}: crossws, or its web server, decides it`),
      );
    },
  );

  test("checks the other options", () => {
    expect(() => crosswsServer({ maxMessageSize: -1 })).toThrow("maxMessageSize");
  });
});

describe("compression", () => {
  const start = (perMessageDeflate: unknown, serverOptions: CrosswsServerOptions) =>
    serve(crosswsAdapter({ hooks: { upgrade: () => ({ perMessageDeflate }) as never }, serverOptions }));

  test.each([undefined, true])("is agreed on where the server has it, and a hook returns %j", async (wish) => {
    const { open } = await start(wish, { compression: true });
    expect((await open()).socket.extensions).toContain("permessage-deflate");
    expect((await open()).headers["sec-websocket-extensions"]).toBe(DEFLATE);
  });

  test("is refused where a hook returns false", async () => {
    const { open } = await start(false, { compression: true });
    expect((await open()).socket.extensions).toBe("");
  });

  test.each([
    [true, {}],
    [{ threshold: 1 }, {}],
    [{ threshold: 1 }, { compression: true }],
  ])("that the server does not have fails: %j, %j", async (wish, options) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const { refusal } = await start(wish, options);
    expect((await refusal()).status).toBe(500);
    expect(String(warned.mock.calls[0]?.[0])).toContain("perMessageDeflate: expected false, or true with the option");
    warned.mockRestore();
  });
});

describe("the answer to a handshake", () => {
  const refused = async (hooks: Partial<Hooks>, offers: string[] = []): Promise<[number | undefined, string]> => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const { refusal } = await serve(crosswsAdapter({ hooks }));
    const { status } = await refusal("/", { offers });
    const text = String(warned.mock.calls[0]?.[0]);
    warned.mockRestore();
    return [status, text];
  };

  test("has no subprotocol that the client did not offer", async () => {
    expect(await refused({ upgrade: () => ({ protocol: "other" }) }, ["one"])).toEqual([
      500,
      expect.stringContaining('protocol: expected one that the client offered (one), got "other"'),
    ]);
  });

  test("has no header that only the server sets", async () => {
    expect(await refused({ upgrade: () => ({ headers: { "sec-websocket-accept": "x" } }) })).toEqual([
      500,
      expect.stringContaining("sec-websocket-accept"),
    ]);
  });
});
