import { Duplex, PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { destroyOnFailure, discard, guard, ignoreErrors } from "../../../src/client/node/streams.ts";
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
