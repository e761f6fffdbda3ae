import { InvalidArgumentError } from "hawser/client";
import { expect, test, vi } from "vitest";
import type { SendOptions } from "../../../src/connection/sending/message-options.ts";
import { connectionSettings, readNodeOptions } from "../../../src/client/node/node-options.ts";
import { NodePlatform } from "../../../src/client/node/node-platform.ts";
import { scriptServer, unmasked, hasLeft } from "../../support/scripted-server.ts";

const values = readNodeOptions({}, {});
const platform = new NodePlatform(values, connectionSettings(values), 1_000);

test("the options of a message that waits are those of now", () => {
  const options: { key: string; compress: unknown } = { key: "a", compress: false };
  const { options: own } = platform.prepare("text", options as SendOptions);
  options.key = "b";
  options.compress = "nonsense";
  expect(own).toEqual({ key: "a", compress: false });
  expect(() => platform.prepare("text", null as never)).toThrow(InvalidArgumentError);
});

test("a message that waits: a text, a copy of bytes, an object as JSON of now, a Blob", () => {
  expect(platform.prepare("ü", undefined)).toEqual({ message: "ü", size: 2 });
  const bytes = Uint8Array.of(1, 2);
  const { message, size } = platform.prepare(bytes, undefined);
  bytes[0] = 9;
  expect([...(message as Uint8Array), size]).toEqual([1, 2, 2]);
  const object = { a: 1 };
  const prepared = platform.prepare(object, undefined);
  object.a = 2;
  expect(prepared).toEqual({ message: '{"a":1}', size: 7 });
  const blob = new Blob(["abc"]);
  expect(platform.prepare(blob, undefined)).toEqual({ message: blob, size: 3 });
});

test("what cannot be sent, or options that do not exist, are refused at once", () => {
  expect(() => platform.prepare(undefined, undefined)).toThrow(InvalidArgumentError);
  expect(() => platform.prepare("a", { key: 1 } as never)).toThrow(InvalidArgumentError);
});

test("it is never hidden, watches nothing, and its clock goes on", () => {
  expect(platform.isHidden()).toBe(false);
  expect(platform.watch()).toBeTypeOf("function");
  expect(platform.now()).toBeGreaterThan(0);
});

test("an error that no callback gets is one process warning", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  platform.warn(new Error("unheard"));
  await expect.poll(() => warn.mock.calls.length).toBe(1);
  expect(String(warn.mock.calls[0]?.[0])).toContain("unheard");
  warn.mockRestore();
});

test("an accepted dial can be opened, or abandoned", async () => {
  const { url, sockets } = await scriptServer((peer) => peer.accept([], unmasked(0x81, "hi")));
  const about = {
    attempt: 0,
    url: undefined,
    status: undefined,
    error: undefined,
    signal: new AbortController().signal,
  };
  const request = { url: new URL(url), protocols: [], dial: about, onStage: () => undefined };
  const abandoned = await platform.dial(request);
  abandoned.abandon();
  await expect.poll(() => hasLeft(sockets[0])).toBe(true);

  const accepted = await platform.dial(request);
  expect(accepted).toMatchObject({ protocol: undefined, extensions: "", httpVersion: "1.1" });
  const calls: unknown[] = [];
  const link = accepted.open({
    onOpen: () => void calls.push("open"),
    onMessageStart: () => undefined,
    onMessage: ({ data }) => void calls.push(data),
    onDrain: () => undefined,
    onFailed: () => undefined,
    onClosed: ({ code }) => void calls.push(code),
    onFinished: () => void calls.push("finished"),
  });
  link.start();
  await expect.poll(() => calls).toEqual(["open", "hi"]);
  link.destroy();
  await expect.poll(() => calls).toEqual(["open", "hi", 1006, "finished"]);
});
