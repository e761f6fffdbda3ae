import { describe, expect, test } from "vitest";
import { CLIENT_CALLBACKS } from "../../../src/client/client-socket.ts";
import { misspeltCallbacks } from "../../../src/connection/dispatch/misspelt-callbacks.ts";
import { CONNECTION_CALLBACKS, SERVER_CALLBACKS } from "../../../src/server/callback-names.ts";

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

  test.each([
    ["onReconnect", "onReconnected"],
    ["onConnect", "onOpen"],
    ["onConnected", "onOpen"],
    ["onDisconnect", "onTerminate"],
    ["onOpened", "onOpen"],
    ["onMessages", "onMessage"],
  ])("%s of a client means %s", (name, meant) => {
    expect(misspeltCallbacks({ [name]: nothing }, CLIENT_CALLBACKS)).toEqual([
      expect.stringContaining(`mean ${meant}?`),
    ]);
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
