import { expect, test } from "vitest";
import { SerialCallbacks } from "../../../src/client/browser/serial-callbacks.ts";
import { deferred, turn } from "../../support/peer.ts";

/** Callbacks, and what has failed. */
function rig(onFailed: (error: unknown) => unknown = () => undefined) {
  const failures: unknown[] = [];
  const callbacks = new SerialCallbacks((error) => {
    failures.push(error);
    return onFailed(error);
  });
  return { callbacks, failures };
}

test("a callback is called at once when none is awaited, and one that is added meanwhile comes after it", () => {
  const { callbacks } = rig();
  const calls: string[] = [];
  callbacks.run(() => {
    callbacks.run(() => void calls.push("second"));
    calls.push("first");
  });
  expect(calls).toEqual(["first", "second"]);
});

test("after one that returns a promise the next one waits", async () => {
  const { callbacks } = rig();
  const [pending, calls] = [deferred(), [] as string[]];
  callbacks.run(() => pending.promise);
  callbacks.run(() => void calls.push("second"));
  callbacks.run(() => void calls.push("third"));
  expect([callbacks.isBusy, calls]).toEqual([true, []]);
  pending.resolve();
  await turn();
  expect([callbacks.isBusy, calls]).toEqual([false, ["second", "third"]]);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("mine");
    },
  ],
  ["rejects", () => Promise.reject(new Error("mine"))],
])("one that %s is told of, and the next one is called after that has settled", async (_how, fail) => {
  const heard = deferred();
  const { callbacks, failures } = rig(() => heard.promise);
  const calls: string[] = [];
  callbacks.run(fail);
  callbacks.run(() => void calls.push("next"));
  await turn();
  expect([failures, calls]).toEqual([[new Error("mine")], []]);
  heard.resolve();
  await turn();
  expect(calls).toEqual(["next"]);
});

test("no promise is awaited any more once that is asked for: neither that of now nor one to come", async () => {
  const { callbacks } = rig();
  const [first, calls] = [deferred(), [] as string[]];
  callbacks.run(() => first.promise);
  callbacks.run(() => {
    calls.push("second");
    return new Promise(() => {});
  });
  callbacks.run(() => void calls.push("third"));
  callbacks.stopWaiting();
  expect(calls).toEqual(["second", "third"]);
  first.resolve();
  await turn();
  callbacks.run(() => void calls.push("fourth"));
  expect(calls).toEqual(["second", "third", "fourth"]);
});
