import { AsyncLocalStorage } from "node:async_hooks";
import { PassThrough } from "node:stream";
import { describe, expect, test, vi } from "vitest";
import { HandshakeSignal, isGone } from "../../src/server/handshake-signal.ts";
import { turn } from "../support/peer.ts";

describe("the signal of a handshake", () => {
  test.each([
    ["ends its side", (stream: PassThrough) => stream.end().resume()],
    ["is reset", (stream: PassThrough) => stream.destroy()],
  ])("aborts when the client %s, also before it is made", async (_how, go) => {
    const stream = new PassThrough();
    const before = new HandshakeSignal(stream);
    expect([before.signal.aborted, isGone(stream)]).toEqual([false, false]);
    go(stream);
    await turn();
    expect([before.signal.aborted, new HandshakeSignal(stream).signal.aborted, isGone(stream)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([stream.listenerCount("close"), stream.listenerCount("end")]).toEqual([0, 0]);
  });

  test("has aborted, once it is made, if the client has sent data and then ended its side", async () => {
    const stream = new PassThrough();
    stream.end("unread");
    await turn();
    expect([stream.readableEnded, isGone(stream), new HandshakeSignal(stream).signal.aborted]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("does not abort when the client goes after its answer", async () => {
    const stream = new PassThrough();
    const one = new HandshakeSignal(stream);
    one.stop();
    stream.destroy();
    await turn();
    expect(one.signal.aborted).toBe(false);
  });

  test("is made only when it is asked for, also after it has aborted", () => {
    const one = new HandshakeSignal(undefined);
    one.abort();
    expect(one.signalIfAsked).toBeUndefined();
    expect(one.signal.aborted).toBe(true);
    expect(one.signalIfAsked).toBe(one.signal);
  });

  test("may have many listeners: Node does not warn of a leak", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const { signal } = new HandshakeSignal(undefined);
    for (let i = 0; i < 30; i++) signal.addEventListener("abort", () => i);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test("aborts in no context of another client", () => {
    const storage = new AsyncLocalStorage<string>();
    const one = new HandshakeSignal(new PassThrough());
    let seen: string | undefined = "nothing";
    one.signal.addEventListener("abort", () => (seen = storage.getStore()));
    storage.run("another", () => one.abort());
    expect(seen).toBeUndefined();
  });
});
