import { expect, test } from "vitest";
import { Session, close, deferred, text } from "../support/session.ts";
import { turns } from "../support/wire.ts";

/** Closes, and has messages delivered until the close frame of the peer has come. */
function closeDelivering(session: Session): void {
  session.connection.close(4000, "bye", undefined, undefined, true);
}

test("messages are delivered until the close frame of the peer, and none after it", async () => {
  const session = new Session();
  closeDelivering(session);
  session.receive(text("a"));
  await turns();
  session.receive(text("b"), close(4000), text("c"));
  session.stream.arriveEnd();
  await turns();
  expect(session.calls).toEqual([
    ["open"],
    ["message", "a"],
    ["message", "b"],
    ["terminate", 4000, undefined, "Closed"],
  ]);
  expect(session.sent).toEqual([["close", "4000 bye"]]);
});

test("messages that wait for a busy handler are delivered, and the peer is read within a bound", async () => {
  const busy = deferred();
  let count = 0;
  const session = new Session({ message: () => (count++ === 0 ? busy.promise : undefined) });
  session.receive(text("first"));
  closeDelivering(session);
  await turns();
  const long = text("x".repeat(65_000));
  let sent = 0;
  while (!session.stream.isPaused() && sent < 1000) {
    session.receive(long);
    sent++;
  }
  expect(sent).toBeLessThan(1000);
  busy.resolve();
  await turns();
  expect(session.stream.isPaused()).toBe(false);
  session.receive(close(4000));
  session.stream.arriveEnd();
  await turns();
  expect(session.calls.filter(([name]) => name === "message")).toHaveLength(sent + 1);
  expect(session.calls.at(-1)).toEqual(["terminate", 4000, undefined, "Closed"]);
});

test("a handler that fails, or the end by the server, stops the delivery", async () => {
  const failing = new Session({
    message: () => {
      throw new Error("boom");
    },
  });
  closeDelivering(failing);
  failing.receive(text("a"), text("b"));
  await turns();
  expect(failing.calls.filter(([name]) => name === "message")).toEqual([["message", "a"]]);
  const cut = new Session();
  closeDelivering(cut);
  cut.connection.destroy();
  cut.receive(text("a"));
  await turns();
  expect(cut.calls.some(([name]) => name === "message")).toBe(false);
});
