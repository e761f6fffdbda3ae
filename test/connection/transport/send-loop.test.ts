import { expect, onTestFinished, test, vi } from "vitest";
import { signalOf } from "../../../src/connection/dispatch/close-signal.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import { afterSendLoop, inSendLoop, isInSendLoop } from "../../../src/connection/transport/send-loop.ts";
import { utf8 } from "../../support/bytes.ts";
import { asClient, encode } from "../../support/frames.ts";
import { outgoing } from "../../support/outgoing.ts";
import { Session } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { slowPeer } from "../../support/slow-session.ts";
import { turns } from "../../support/wire.ts";

test("without a loop everything runs at once", () => {
  const run = vi.fn();
  afterSendLoop({}, run);
  expect(run).toHaveBeenCalledOnce();
});

test("what a loop has caused runs after the outermost one, in its order", () => {
  const log: string[] = [];
  inSendLoop(() => {
    afterSendLoop({}, () => log.push("first"));
    inSendLoop(() => afterSendLoop({}, () => log.push("second")));
    expect([isInSendLoop(), log]).toEqual([true, []]);
  });
  expect([isInSendLoop(), log]).toEqual([false, ["first", "second"]]);
});

test("what runs after a loop may run another one: what that causes follows", () => {
  const log: string[] = [];
  const [one, other] = [{}, {}];
  inSendLoop(() => {
    afterSendLoop(one, () => {
      inSendLoop(() => afterSendLoop(other, () => log.push("caused later")));
      afterSendLoop(one, () => log.push("of an owner for which something waits"));
      afterSendLoop({}, () => log.push("of an owner for which nothing waits"));
    });
    afterSendLoop(one, () => log.push("before"));
  });
  expect(log).toEqual([
    "of an owner for which nothing waits",
    "before",
    "caused later",
    "of an owner for which something waits",
  ]);
});

test("what throws after a loop does not keep the others from running, and is an uncaught exception", async () => {
  const uncaught = vi.fn();
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").once("uncaughtException", uncaught);
  onTestFinished(() => {
    for (const listener of listeners) process.on("uncaughtException", listener);
  });
  const run = vi.fn();
  inSendLoop(() => {
    afterSendLoop({}, () => {
      throw new Error("thrown");
    });
    afterSendLoop({}, run);
  });
  expect(run).toHaveBeenCalledOnce();
  await turns(1);
  expect(uncaught).toHaveBeenCalledOnce();
});

test("a connection that fails in a loop has its new status at once, and its callbacks after the loop", async () => {
  const log: string[] = [];
  const session = await slowPeer({ maxSendQueue: 10 }, { error: () => log.push("onError") });
  const { connection } = session;
  signalOf(connection, false).addEventListener("abort", () => log.push("abort"));
  inSendLoop(() => {
    for (let i = 0; i < 5; i++) connection.send(new SharedMessage(outgoing("message")));
    expect([connection.status, log]).toEqual(["Closing", []]);
  });
  expect(log).toEqual(["abort", "onError"]);
});

test("a stream that reads while it is written to, in a loop, delivers that after the loop, in order", async () => {
  const session = new Session();
  await turns();
  inSendLoop(() => {
    for (const text of ["one", "two"])
      session.stream.emit("data", asClient(encode({ opcode: 1, payload: utf8(text) })));
    expect(session.calls).toEqual([["open"]]);
  });
  expect(session.calls.slice(1).map(([, data]) => data)).toEqual(["one", "two"]);
});

test("a Blob of the application is read after the loop", async () => {
  const session = new Session();
  await turns();
  const blob = new SlowBlob("x");
  const read = vi.spyOn(blob, "arrayBuffer");
  inSendLoop(() => {
    session.connection.send(new SharedMessage(outgoing(blob)));
    expect(read).not.toHaveBeenCalled();
  });
  await turns(1);
  expect(read).toHaveBeenCalledOnce();
});
