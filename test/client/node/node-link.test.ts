import { connect } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { LinkEnd, LinkListener } from "../../../src/client/link.ts";
import { Backlog } from "../../../src/client/node/backlog.ts";
import { NodeLink, StreamingNodeLink } from "../../../src/client/node/node-link.ts";
import { connectionSettings, readNodeOptions } from "../../../src/client/node/node-options.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { utf8 } from "../../support/bytes.ts";
import { deferred } from "../../support/peer.ts";
import { closeBody } from "../../support/raw-client.ts";
import { scriptServer, unmasked } from "../../support/scripted-server.ts";
import { Wire, turns } from "../../support/wire.ts";

function open(
  options: ClientOptions = {},
  react: Partial<LinkListener> = {},
  head: Uint8Array = new Uint8Array(),
  wire = new Wire(),
  backlog = new Backlog(1_000),
) {
  const calls: unknown[] = [];
  const warn = vi.fn();
  const listener: LinkListener = {
    onOpen: () => (calls.push("open"), react.onOpen?.()),
    onMessageStart: (...args) => (calls.push("start"), react.onMessageStart?.(...args)),
    onMessage: (event) => (calls.push(event.data), react.onMessage?.(event)),
    onDrain: (event) => (calls.push("drain"), react.onDrain?.(event)),
    onFailed: ({ errors }) => void calls.push(`failed: ${errors[0].message}`),
    onClosed(end) {
      calls.push([end.code, end.initiator]);
      react.onClosed?.(end);
    },
    onFinished: () => void calls.push("finished"),
  };
  const settings = connectionSettings(readNodeOptions(options, {}));
  const Link = react.onMessageStart === undefined ? NodeLink : StreamingNodeLink;
  const link = new Link({ stream: wire, head, deflate: undefined }, settings, listener, { backlog, warn });
  link.start();
  onTestFinished(() => link.destroy());
  return { wire, link, calls, warn };
}

/** The opcodes of the frames that were written; each must be masked. */
function opcodesOf(wire: Wire): number[] {
  const opcodes = [];
  for (let at = 0, bytes = wire.taken; at < bytes.length;) {
    expect(bytes[at + 1]! & 0x80).toBe(0x80);
    opcodes.push(bytes[at]! & 15);
    at += 6 + (bytes[at + 1]! & 0x7f);
  }
  return opcodes;
}

test("only a link for handlers with onMessageStart asks about messages", async () => {
  const [asking, other] = [open({}, { onMessageStart: () => undefined }), open()];
  for (const { wire } of [asking, other]) wire.arrive(unmasked(0x82, "12"));
  await turns();
  expect([asking.calls, other.calls]).toEqual([
    ["open", "start", "12"],
    ["open", "12"],
  ]);
});

test("messages that came with the answer, and those after it", async () => {
  const { wire, calls, link } = open({}, {}, unmasked(0x81, "1"));
  wire.arrive(unmasked(0x81, "2"));
  await turns();
  expect(calls).toEqual(["open", "1", "2"]);
  expect(link.status).toBe("Connected");
  expect(link.counters).toMatchObject({ accepted: 0, dropped: 0 });
});

test("nothing is written at the start: after an empty write, TLS of Deno writes nothing more", async () => {
  const { wire, calls } = open();
  const write = vi.spyOn(wire, "write");
  await turns();
  expect([calls, wire.writes, write.mock.calls]).toEqual([["open"], [], []]);
});

test("what is sent is masked, and counted", async () => {
  const { wire, link } = open();
  expect(link.send("abc", undefined)).toBe(true);
  await turns();
  expect(opcodesOf(wire)).toEqual([1]);
  expect(link.counters).toMatchObject({ accepted: 1, written: 1 });
  expect(link.bufferedAmount).toBe(0);
  expect(await link.drained()).toBe(true);
});

test("a callback that waits for a message, which waits for it, is a warning after 30 s", async () => {
  const emit = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  onTestFinished(() => emit.mockRestore());
  const { wire, link } = open({}, { onMessage: () => new Promise(() => undefined) });
  wire.arrive(unmasked(0x81, "1"));
  await turns();
  wire.arrive(unmasked(0x81, "2"));
  await turns();
  const tick = vi.spyOn(link, "currentTick", "get");
  for (const now of [0, 1_000_000]) {
    tick.mockReturnValue(now);
    link.check();
  }
  expect(emit.mock.calls).toEqual([
    [
      expect.stringMatching(/^onMessage of a client has not settled for 30 s, and 1 call waits for it\. A callback/),
      expect.anything(),
    ],
  ]);
  expect(emit.mock.calls[0]![1]).toMatchObject({ code: "HWS_CALLBACK_BUSY" });
});

test("a ping measures a round trip", async () => {
  const { wire, link } = open();
  const trip = link.ping();
  await turns();
  const [, second = 0, ...rest] = wire.taken;
  const key = rest.slice(0, 4);
  const payload = rest.slice(4, 4 + (second & 0x7f)).map((byte, i) => byte ^ key[i % 4]!);
  wire.arrive(unmasked(0x8a, payload));
  expect(await trip).toBeGreaterThanOrEqual(0);
});

test("close: the close frame, the answer, and the server ends TCP", async () => {
  const { wire, link, calls } = open();
  link.close(3001, "bye");
  await turns();
  expect(opcodesOf(wire)).toEqual([8]);
  expect(link.status).toBe("Closing");
  wire.arrive(unmasked(0x88, closeBody(3001, "bye")));
  await turns();
  // RFC 6455 7.1.1: the client waits for the server's end.
  expect(wire.destroyed).toBe(false);
  wire.arriveEnd();
  await turns();
  expect(calls).toEqual(["open", [3001, "local"], "finished"]);
  expect(link.status).toBe("Closed");
});

test("a callback that throws: onFailed, and 1011", async () => {
  const { wire, calls } = open(
    {},
    {
      onMessage: () => {
        throw new Error("what");
      },
    },
  );
  wire.arrive(unmasked(0x81, "1"), unmasked(0x81, "2"));
  await turns();
  expect(calls.slice(0, 3)).toEqual(["open", "1", "failed: what"]);
  expect(opcodesOf(wire)).toEqual([8]);
});

test("invalid JSON that is ignored is reported by a warning", async () => {
  const { wire, calls, warn } = open({ dataType: "object", invalidJson: "ignore" });
  wire.arrive(unmasked(0x81, "{"), unmasked(0x81, "1"));
  await turns();
  expect(calls.slice(-1)).toEqual([1]);
  expect(warn.mock.calls.length + calls.filter((one) => String(one).startsWith("failed")).length).toBe(1);
});

test("probe: without a pong in 5 seconds the connection is lost; a pong keeps it", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const silent = open();
  silent.link.probe();
  const alive = open();
  alive.link.probe();
  await turns();
  expect(opcodesOf(silent.wire)).toEqual([9]);
  const [, second = 0, ...rest] = alive.wire.taken;
  const key = rest.slice(0, 4);
  alive.wire.arrive(
    unmasked(
      0x8a,
      rest.slice(4, 4 + (second & 0x7f)).map((byte, i) => byte ^ key[i % 4]!),
    ),
  );
  await turns();
  vi.advanceTimersByTime(5_000);
  await turns();
  expect(silent.calls).toContainEqual([1006, "network"]);
  expect(alive.calls).toEqual(["open"]);
});

test("a server that resets the connection", async () => {
  const { wire, calls } = open();
  wire.reset();
  await turns();
  expect(calls.slice(-2)).toEqual([[1006, "network"], "finished"]);
});

test("a blob message is a Buffer on Node", async () => {
  const { wire, calls } = open({ dataType: "blob" });
  wire.arrive(unmasked(0x82, utf8("abc")));
  await turns();
  expect(Buffer.isBuffer(calls[1])).toBe(true);
});

describe("a stream that is gone before the link starts ends the link", () => {
  const lost = [[1006, "network"], "finished"];

  test.each<[string, (wire: Wire) => unknown]>([
    ["it was destroyed", (wire) => wire.destroy()],
    ["it was reset", (wire) => wire.reset()],
    ["its end was read", (wire) => wire.resume().push(null)],
  ])("%s, and has said so", async (_what, end) => {
    const wire = new Wire();
    wire.on("error", () => undefined);
    end(wire);
    await turns();
    const { calls } = open({}, {}, unmasked(0x81, "1"), wire);
    await expect.poll(() => calls.length).toBeGreaterThan(3);
    expect(calls.slice(0, 2)).toEqual(["open", "1"]);
    expect(calls.slice(-2)).toEqual(lost);
  });

  test("it is told why", async () => {
    const wire = new Wire();
    wire.on("error", () => undefined).reset();
    await turns();
    const { calls } = open({}, {}, undefined, wire);
    await turns();
    expect(calls).toEqual(["open", expect.stringMatching(/^failed: .*ECONNRESET/), ...lost]);
  });

  test("its events are due: they are told once", async () => {
    const wire = new Wire();
    wire.reset();
    const { calls } = open({}, {}, undefined, wire);
    await turns();
    expect(calls).toEqual(["open", expect.stringMatching(/^failed: .*ECONNRESET/), ...lost]);
  });

  test("it emits no event at all", async () => {
    const wire = new Wire({ emitClose: false });
    wire.destroy();
    await turns();
    const { calls } = open({}, {}, undefined, wire);
    await turns();
    expect(calls).toEqual(["open", ...lost]);
  });

  test("it is a socket of Node, and onOpen closes the link", async () => {
    const { port } = await scriptServer(() => undefined);
    const socket = connect(port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.destroy();
    await new Promise((resolve) => socket.once("close", resolve));
    const closed = open({}, { onOpen: () => closed.link.close(3001, "bye") }, undefined, socket as unknown as Wire);
    await expect.poll(() => closed.calls.at(-1)).toBe("finished");
    expect(closed.link.status).toBe("Closed");
  });
});

test.each([
  ["onMessage", {}],
  ["onMessageStart too", { onMessageStart: () => undefined }],
])("what waits for a busy handler with %s on connections that were lost has a limit", async (_name, start) => {
  const backlog = new Backlog(1_000);
  const causes: unknown[] = [];
  const pending = deferred();
  const react = {
    ...start,
    onMessage: () => pending.promise,
    onClosed: ({ cause }: LinkEnd) => void causes.push(cause?.code),
  };
  const lose = async (): Promise<void> => {
    const { wire } = open({}, react, new Uint8Array(), new Wire(), backlog);
    wire.arrive(unmasked(0x81, "1"), unmasked(0x81, "a".repeat(600)));
    await turns();
    wire.reset();
    await turns();
  };
  for (let one = 0; one < 3; one++) await lose();
  expect(causes).toEqual(["HWS_STREAM_FAILED", "HWS_STREAM_FAILED", "HWS_RECEIVE_QUEUE_FULL"]);
  pending.resolve();
  await turns();
  await lose();
  expect(causes.at(-1)).toBe("HWS_STREAM_FAILED");
});
