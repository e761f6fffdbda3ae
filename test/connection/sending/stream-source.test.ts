import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { isStream, sourceOf } from "../../../src/connection/sending/stream-source.ts";

async function* generated(): AsyncGenerator<string> {
  yield "a";
  yield "b";
}

describe("what is sent as a stream", () => {
  test.each<[string, object, boolean]>([
    ["a web ReadableStream", new ReadableStream(), true],
    ["a Readable of Node's", Readable.from([]), true],
    ["an async generator", generated(), true],
    ["an object with Symbol.asyncIterator", { [Symbol.asyncIterator]: generated }, true],
    ["a reader of another realm", { getReader: () => undefined }, true],
    ["a list", [1, 2], false],
    ["an object", { next: 1 }, false],
    ["an object that has toJSON", { [Symbol.asyncIterator]: generated, toJSON: () => 1 }, false],
    ["a Blob", new Blob([]), false],
  ])("%s: %o %s", (_what, message, expected) => {
    expect(isStream(message)).toBe(expected);
  });
});

async function all(source: ReturnType<typeof sourceOf>): Promise<unknown[]> {
  const chunks = [];
  const next = async (): Promise<IteratorResult<unknown>> => (await source.next()) as IteratorResult<unknown>;
  for (let result = await next(); result.done !== true; result = await next()) chunks.push(result.value);
  return chunks;
}

async function read(stream: Readable): Promise<Readable> {
  for await (const chunk of stream) if (chunk === "never") break;
  return stream;
}

async function readWeb(stream: ReadableStream): Promise<ReadableStream> {
  const reader = stream.getReader();
  while (!(await reader.read()).done);
  reader.releaseLock();
  return stream;
}

async function readBody(response: Response): Promise<object> {
  await response.text();
  return response.body!;
}

describe("a source", () => {
  test("gives the chunks of any kind of stream", async () => {
    expect(await all(sourceOf(generated()))).toEqual(["a", "b"]);
    expect(await all(sourceOf(Readable.from(["a", "b"])))).toEqual(["a", "b"]);
    expect(await all(sourceOf(new Blob(["ab"]).stream()))).toEqual([Uint8Array.of(97, 98)]);
  });

  test("frees the stream when it is cancelled, also while it waits for a chunk", async () => {
    const reason = new Error("no more");
    let cancelled: unknown;
    const web = sourceOf(new ReadableStream({ cancel: (why) => void (cancelled = why) }));
    const waiting = web.next();
    web.cancel(reason);
    expect([await waiting, cancelled]).toEqual([{ done: true, value: undefined }, reason]);

    const readable = new Readable({ read: () => undefined });
    sourceOf(readable).cancel(reason);
    expect(readable.destroyed).toBe(true);

    let ended = false;
    const iterable = (async function* () {
      try {
        yield 1;
      } finally {
        ended = true;
      }
    })();
    const generator = sourceOf(iterable);
    await generator.next();
    generator.cancel(reason);
    await generator.next();
    expect(ended).toBe(true);
  });

  test("never throws when it is cancelled", async () => {
    const boom = (): never => {
      throw new Error("boom");
    };
    const streams = [
      { [Symbol.asyncIterator]: () => ({ next: boom, return: boom }) },
      { [Symbol.asyncIterator]: () => ({ next: boom, return: () => Promise.reject(new Error("boom")) }) },
      { [Symbol.asyncIterator]: generated, destroy: boom },
      new ReadableStream({ cancel: boom }),
    ];
    for (const stream of streams) expect(() => sourceOf(stream).cancel(new Error("no more"))).not.toThrow();
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("is refused if somebody else reads the stream", () => {
    const stream = new ReadableStream();
    stream.getReader();
    expect(() => sourceOf(stream)).toThrow("locked");
  });

  test.each<[string, () => object]>([
    ["a Readable", () => Readable.from(["a", "b"])],
    ["a generator", generated],
    ["a web stream", () => new Blob(["ab"]).stream()],
  ])("is refused if %s was sent before, and the first message has all of it", async (_what, make) => {
    const stream = make();
    const source = sourceOf(stream);
    expect(() => sourceOf(stream)).toThrow(/sent before|locked/);
    expect(Buffer.from((await all(source)).map(String).join(""))).not.toHaveLength(0);
    expect(() => sourceOf(stream)).toThrow(/sent before|locked/);
  });

  test("may be made again of an iterable that can be read again", async () => {
    const stream = { [Symbol.asyncIterator]: generated };
    for (let i = 0; i < 2; i++) expect(await all(sourceOf(stream))).toEqual(["a", "b"]);
  });

  test.each<[string, () => Promise<object>, string]>([
    ["a Readable that has ended", async () => read(Readable.from(["a"], { autoDestroy: false })), "read already"],
    ["a Readable that was left", async () => read(Readable.from(["a", "b"])), "read already|destroyed"],
    ["a Readable that is destroyed", async () => Readable.from(["a"]).destroy(), "destroyed"],
    ["the body of a response that was read", async () => readBody(new Response("a")), "read already|locked"],
    ["a web stream that was read to its end", async () => readWeb(new Blob(["a"]).stream()), "read already"],
  ])("is refused for %s", async (_what, make, message) => {
    const stream = await make();
    expect(() => sourceOf(stream)).toThrow(new RegExp(message));
  });

  test("gives the rest of a stream whose beginning was read", async () => {
    const web = new ReadableStream({
      start(controller) {
        for (const chunk of ["a", "b"]) controller.enqueue(chunk);
        controller.close();
      },
    });
    const reader = web.getReader();
    await reader.read();
    reader.releaseLock();
    expect(await all(sourceOf(web))).toEqual(["b"]);
    const node = Readable.from(["a", "b"]);
    await new Promise((resolve) => node.once("readable", resolve));
    expect(node.read()).toBe("a");
    expect(await all(sourceOf(node))).toEqual(["b"]);
  });

  test("may be empty", async () => {
    const web = new ReadableStream({ start: (controller) => controller.close() });
    expect(await all(sourceOf(web))).toEqual([]);
  });

  test("tells of a stream of Node's that has failed before its turn, and the process goes on", async () => {
    const readable = new Readable({ read: () => undefined });
    const source = sourceOf(readable);
    readable.destroy(new Error("no such file"));
    await new Promise((resolve) => readable.once("close", resolve));
    await expect(source.next()).rejects.toThrow("no such file");
  });
});
