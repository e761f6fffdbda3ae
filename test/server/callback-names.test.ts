import { WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CONNECTION_CALLBACKS, SERVER_CALLBACKS, misspeltCallbacks } from "../../src/server/callback-names.ts";
import { Peer, portOf } from "../support/peer.ts";

const nothing = (): void => undefined;

describe("a misspelt callback", () => {
  test.each([
    ["onClose", "onTerminate"],
    ["onTerminated", "onTerminate"],
    ["onerror", "onError"],
    ["onDrained", "onDrain"],
    ["onopen", "onOpen"],
  ])("%s means %s", (name, meant) => {
    expect(misspeltCallbacks({ onMessage: nothing, [name]: nothing }, CONNECTION_CALLBACKS)).toEqual([
      `A handler has the method ${name}, which is never called: did you mean ${meant}?`,
    ]);
  });

  test("of a class and of its base class is found", () => {
    class Base {
      onClose(): void {}
    }
    class Member extends Base {
      onMessage(): void {}
    }
    expect(misspeltCallbacks(new Member(), CONNECTION_CALLBACKS)).toHaveLength(1);
  });

  test.each([
    { onScore: nothing, only: nothing, onMessage: nothing },
    { onClose: nothing, onTerminate: nothing },
    { onClose: "text" },
  ])("is not found in %o", (handler) => {
    expect(misspeltCallbacks(handler, CONNECTION_CALLBACKS)).toEqual([]);
  });

  test("in an object that cannot be read is no error", () => {
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("mine");
        },
      },
    );
    expect(misspeltCallbacks(proxy, SERVER_CALLBACKS)).toEqual([]);
  });
});

test("a server warns once for its handler, and once for each class of connection handlers", async () => {
  const warnings: string[] = [];
  const warn = vi.spyOn(process, "emitWarning").mockImplementation((text) => void warnings.push(String(text)));
  onTestFinished(() => warn.mockRestore());
  class Member {
    onMessage(): void {}
    onClose(): void {}
  }
  const handler = { onConnection: () => new Member(), onlistening: nothing };
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => wss.terminate(0));
  const port = await portOf(wss);
  await Peer.open(port);
  await Peer.open(port);
  expect(warnings).toEqual([
    "A handler has the method onlistening, which is never called: did you mean onOpen?",
    "A handler has the method onClose, which is never called: did you mean onTerminate?",
  ]);
});

test("a method onmessage in the place of onMessage is named in the error", async () => {
  const errors: string[] = [];
  const handler = {
    onConnection: () => ({ onmessage: nothing }) as never,
    onError: (_wss: unknown, event: { errors: readonly { message: string }[] }) =>
      void errors.push(event.errors[0]!.message),
  };
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => wss.terminate(0));
  expect((await Peer.refused(await portOf(wss))).status).toBe(500);
  expect(errors[0]).toContain("did you mean onMessage?");
});
