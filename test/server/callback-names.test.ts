import { WebSocketServer } from "hawser";
import { expect, onTestFinished, test, vi } from "vitest";
import { CONNECTION_CALLBACKS, SERVER_CALLBACKS } from "../../src/server/callback-names.ts";
import { Peer, portOf } from "../support/peer.ts";

const nothing = (): void => undefined;

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

test("both handlers have callbacks of the same names", () => {
  const both = CONNECTION_CALLBACKS.filter((name) => (SERVER_CALLBACKS as readonly string[]).includes(name));
  expect(both).toEqual(["onOpen", "onError", "onTerminate"]);
});
