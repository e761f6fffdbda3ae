import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { destroyOnFailure, discard, guard, ignoreErrors, isStream } from "../../../src/client/node/streams.ts";
import { Wire, turns } from "../../support/wire.ts";

test("the errors of a stream are ignored by one listener", () => {
  const wire = new Wire();
  ignoreErrors(wire);
  ignoreErrors(wire);
  expect(wire.listenerCount("error")).toBe(1);
});

test("a stream whose methods throw is discarded without an exception", () => {
  const throws = (): never => {
    throw new Error("no");
  };
  const stream = Object.assign(new PassThrough(), { destroy: throws, off: throws, on: throws });
  expect(() => discard(stream)).not.toThrow();
});

test("a step that fails destroys its stream, and one that does not leaves it", async () => {
  const failed = new Wire();
  await expect(destroyOnFailure(failed, () => Promise.reject(new Error("step")))).rejects.toThrow("step");
  expect(failed.destroyed).toBe(true);
  const thrown = new Wire();
  await expect(
    destroyOnFailure(thrown, () => {
      throw new Error("step");
    }),
  ).rejects.toThrow("step");
  expect(thrown.destroyed).toBe(true);
  const used = new Wire();
  expect(await destroyOnFailure(used, (stream) => stream)).toBe(used);
  expect(used.destroyed).toBe(false);
});

test.each(["write", "writev"] as const)("a stream whose %s throws fails instead", async (method) => {
  const stream = new Duplex({
    read: () => undefined,
    [method]: () => {
      throw new Error("cannot write");
    },
  });
  const errors: unknown[] = [];
  stream.on("error", (error) => errors.push(error));
  guard(stream);
  stream.cork();
  stream.write("a");
  stream.write("b");
  stream.uncork();
  await turns();
  expect(errors).toEqual([new Error("cannot write")]);
  expect(stream.destroyed).toBe(true);
});

test("a stream whose destroy throws is left as it is", () => {
  const throws = (): never => {
    throw new Error("no");
  };
  const stream = Object.assign(new PassThrough(), { destroy: throws });
  guard(stream);
  expect(stream.destroy()).toBe(stream);
});

test("a stream that writes in order is not changed by the guard", async () => {
  const wire = new Wire();
  guard(wire);
  wire.write("a");
  wire.cork();
  wire.write("b");
  wire.write("c");
  wire.uncork();
  await turns();
  expect(wire.writes.map((one) => Buffer.from(one).toString())).toEqual(["a", "bc"]);
});

test.each(["on", "once", "resume", "pause", "write", "end", "cork"] as const)(
  "a stream whose own %s throws fails instead",
  (name) => {
    const stream = new Wire().on("error", () => undefined);
    Object.assign(stream, {
      [name]: () => {
        throw new Error("no");
      },
    });
    guard(stream);
    expect(() =>
      (stream[name] as (event: string, listener: () => void) => void)("data", () => undefined),
    ).not.toThrow();
    expect([stream.destroyed, stream.errored]).toEqual([true, new Error("no")]);
  },
);

test("the methods of a socket of Node's own stay as they are: they are written to directly", () => {
  const socket = new Socket();
  guard(socket);
  expect(Object.keys(socket).filter((name) => typeof Reflect.get(Socket.prototype, name) === "function")).toEqual([]);
});

test("a stream has all methods that are called", () => {
  expect([new PassThrough(), new Socket(), new Wire()].map(isStream)).toEqual([true, true, true]);
  const few = { write: () => true, on: () => undefined, destroy: () => undefined };
  expect([few, new EventEmitter(), null, undefined, 5, "a"].map(isStream)).toEqual(Array(6).fill(false));
});
