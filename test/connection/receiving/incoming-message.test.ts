import { describe, expect, test } from "vitest";
import { CompressedMessage } from "../../../src/connection/receiving/compressed-message.ts";
import { IncomingMessage, type IncomingOwner } from "../../../src/connection/receiving/incoming-message.ts";
import type { ReadFlow } from "../../../src/connection/receiving/read-flow.ts";
import type { HawserError } from "../../../src/errors/errors.ts";
import { ReaderRules } from "../../../src/protocol/reader-rules.ts";
import { fill, utf8 } from "../../support/bytes.ts";
import { connectionSettings } from "../../support/settings.ts";

const rules = new ReaderRules({ role: "server", maxMessageSize: 10, maxTransformedSize: 12 });

interface RigOptions {
  readonly opcode?: 1 | 2;
  readonly transformed?: boolean;
  readonly maxStreamSize?: number;
  /** Whether there is an `autoResponse`, and the message is its request. */
  readonly request?: boolean;
  readonly accepts?: boolean;
}

/** A message, and the calls that it makes. */
function rig({ opcode = 2, transformed = false, maxStreamSize = 100, request, accepts = true }: RigOptions = {}) {
  const log: unknown[] = [];
  const flow = { streamed: 0, waitsForPeer: false };
  const owner: IncomingOwner = {
    settings: connectionSettings({
      maxStreamSize,
      autoResponse: request === undefined ? undefined : (Object.create(null) as never),
    }),
    ensureReadFlow: () =>
      Object.assign(flow, {
        noteStreamed: (bytes: number) => void (flow.streamed += bytes),
        noteTaken: (bytes: number) => void (flow.streamed -= bytes),
      }) as unknown as ReadFlow,
    takesRequest: () => request === true,
    acceptsMessage: () => accepts,
    noteProgress: () => undefined,
    onMessageStart: () => void log.push("start"),
    onGathered: (data) => void log.push(data),
    onUndecodable: (error) => void log.push((error as HawserError).code),
  };
  return { message: new IncomingMessage(opcode, transformed, owner, rules), log, flow };
}

function arrive(message: IncomingMessage, text: string): void {
  message.append(utf8(text), 0, text.length, 0);
}

describe("a message that may be streamed", () => {
  test("asks the handler with its first byte, or at its end", () => {
    const one = rig();
    expect(one.message.beginFrame(5)).toBe(undefined);
    expect(one.log).toEqual([]);
    arrive(one.message, "a");
    arrive(one.message, "b");
    const empty = rig();
    empty.message.beginFrame(0);
    empty.message.end();
    expect([one.log, empty.log]).toEqual([["start"], ["start"]]);
  });

  test("with autoResponse, asks when more has come than a request has", () => {
    const answered = rig({ request: true });
    arrive(answered.message, "ping");
    answered.message.end();
    expect([answered.log, answered.flow.streamed]).toEqual([[], 0]);
    const other = rig({ request: false });
    arrive(other.message, "x".repeat(256));
    expect(other.log).toEqual([]);
    arrive(other.message, "x");
    expect(other.log).toEqual(["start"]);
  });

  test("is discarded when the connection does not accept it", () => {
    const { message, log, flow } = rig({ accepts: false });
    arrive(message, "abc");
    arrive(message, "def");
    message.end();
    expect([log, flow.streamed, message.isOver]).toEqual([[], 0, true]);
  });

  test("has maxStreamSize for its limit, over all its frames; not maxMessageSize", () => {
    const { message } = rig({ maxStreamSize: 20 });
    expect(message.beginFrame(15)).toBe(undefined);
    arrive(message, "x".repeat(15));
    message.take(() => undefined);
    expect(message.beginFrame(5)).toBe(undefined);
    expect(message.beginFrame(6)).toBe("HWS_STREAM_TOO_BIG");
    // A compressed one may be a little larger as it is sent.
    expect(rig({ maxStreamSize: 20, transformed: true }).message.beginFrame(30)).toBe(undefined);
  });

  test("is refused when it is taken and exceeds maxStreamSize, or is not and exceeds maxMessageSize", () => {
    const stream = rig({ maxStreamSize: 5 });
    // It might be gathered.
    expect(stream.message.beginFrame(8)).toBe(undefined);
    let error: HawserError | undefined;
    stream.message.take((cut) => (error = cut));
    expect([stream.log, error?.code]).toEqual([["HWS_STREAM_TOO_BIG"], "HWS_STREAM_TOO_BIG"]);
    const whole = rig();
    expect(whole.message.beginFrame(11)).toBe(undefined);
    arrive(whole.message, "a");
    expect(whole.message.gather()).toBe(undefined);
    expect(whole.log).toEqual(["start", "HWS_MESSAGE_TOO_BIG"]);
  });
});

describe("reading it", () => {
  test("waits for bytes, says so, and ends", async () => {
    const { message, flow } = rig();
    arrive(message, "ab");
    message.take(() => undefined);
    expect(Buffer.from((await message.read())!).toString()).toBe("ab");
    const next = message.read();
    expect([flow.waitsForPeer, flow.streamed]).toEqual([true, 0]);
    arrive(message, "c");
    expect(Buffer.from((await next)!).toString()).toBe("c");
    expect(flow.waitsForPeer).toBe(false);
    message.end();
    expect(await message.read()).toBe(undefined);
  });

  test("fails when it is cut, but not when it has come wholly", async () => {
    const cut = rig();
    arrive(cut.message, "a");
    cut.message.take(() => undefined);
    cut.message.cut(new Error("reset"));
    await expect(cut.message.read()).rejects.toMatchObject({ code: "HWS_MESSAGE_CUT", cause: { message: "reset" } });
    expect(cut.flow.streamed).toBe(0);
    const whole = rig();
    arrive(whole.message, "a");
    whole.message.end();
    whole.message.take(() => expect.unreachable());
    whole.message.cut(undefined);
    expect((await whole.message.read())?.length).toBe(1);
  });

  test("ends for who waits when it is discarded", async () => {
    const { message, flow } = rig();
    message.take(() => undefined);
    const next = message.read();
    message.discard();
    expect(await next).toBe(undefined);
    arrive(message, "late");
    expect(flow.streamed).toBe(0);
  });
});

describe("gathering it", () => {
  test("gives what has come wholly, at once, as it is decoded", () => {
    const text = rig({ opcode: 1 });
    arrive(text.message, "é".slice(0, 0) + "ab");
    text.message.end();
    expect(text.message.gather()).toBe("ab");
    const compressed = rig({ transformed: true });
    arrive(compressed.message, "\0");
    compressed.message.end();
    expect(compressed.message.gather()).toBeInstanceOf(CompressedMessage);
  });

  test("goes on, and the rest follows: then it does not count as a stream", () => {
    const { message, log, flow } = rig();
    arrive(message, "ab");
    expect(message.gather()).toBe(undefined);
    expect([message.waitingBytes, flow.streamed]).toEqual([2, 0]);
    arrive(message, "cd");
    expect(message.beginFrame(6)).toBe(undefined);
    expect(message.beginFrame(7)).toBe("HWS_MESSAGE_TOO_BIG");
    message.end();
    expect(log).toEqual(["start", Buffer.from("abcd")]);
  });

  test("is over when the connection is", () => {
    const { message, log } = rig();
    arrive(message, "ab");
    message.gather();
    message.cut(undefined);
    expect([message.waitingBytes, log]).toEqual([0, ["start"]]);
    const cut = rig();
    arrive(cut.message, "ab");
    cut.message.cut(undefined);
    expect(cut.message.gather()).toBe(undefined);
  });

  test("reports what cannot be decoded", () => {
    const { message, log } = rig();
    Object.defineProperty(message, "opcode", { value: 2 });
    message.append(fill(0xff, 2), 0, 2, 0);
    message.end();
    expect(message.gather()).toEqual(Buffer.from([0xff, 0xff]));
    expect(log).toEqual(["start"]);
  });
});
