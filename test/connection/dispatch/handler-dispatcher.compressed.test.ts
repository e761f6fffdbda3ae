import { randomBytes } from "node:crypto";
import { constants, deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { inflateInPool } from "../../../src/compression/zlib-calls.ts";
import type { DispatcherOwner } from "../../../src/connection/dispatch/dispatcher-owner.ts";
import type { Status } from "../../../src/connection/status.ts";
import { HandlerDispatcher } from "../../../src/connection/dispatch/handler-dispatcher.ts";
import { MAX_MESSAGES_PER_TURN } from "../../../src/connection/dispatch/turn-budget.ts";
import { type Bytes, asBytes } from "../../../src/protocol/bytes.ts";
import { Opcode } from "../../../src/protocol/opcodes.ts";
import { decoders } from "../../support/decoders.ts";
import { until } from "../../support/peer.ts";

vi.mock(import("../../../src/compression/zlib-calls.ts"), { spy: true });

const KIB = 1024;
const settings = { decode: decoders.auto, maxMessageSize: 1024 * KIB };

function deflate(data: string | Uint8Array): Bytes {
  return asBytes(deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4));
}

/** Takes another thread. */
const large = deflate(randomBytes(100 * KIB));

beforeEach(() => {
  // On a slow machine the time of a turn could be over before the messages of a test.
  vi.spyOn(performance, "now").mockReturnValue(0);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A dispatcher that records the sizes of messages, and errors. */
function rig(): {
  readonly dispatcher: HandlerDispatcher;
  readonly sizes: number[];
  readonly errors: unknown[];
  readonly owner: { status: Status };
} {
  const sizes: number[] = [];
  const errors: unknown[] = [];
  const handler = {
    onMessage: (_ws: unknown, event: object) => void sizes.push((event as { data: string | Bytes }).data.length),
  };
  const owner: DispatcherOwner & { status: Status } = {
    publicConnection: {},
    status: "Connected",
    settings: { decode: { parse: undefined }, closeTimeout: 60_000, taskCounters: { unfinished: 0 } },
    onUndecodable: (error) => void errors.push(error),
    onHandlerFailed: (error) => void errors.push(error),
    reportError: (error) => void errors.push(error),
    readFlow: undefined,
  };
  return { dispatcher: new HandlerDispatcher(handler, owner), sizes, errors, owner };
}

describe("a compressed message", () => {
  test("that is one too many for the turn is not decompressed before the next one", async () => {
    const { dispatcher, sizes } = rig();
    const bomb = deflate(Buffer.alloc(200 * KIB));
    const count = MAX_MESSAGES_PER_TURN + 3;
    for (let i = 0; i < count; i++) dispatcher.dispatchCompressed(Opcode.binary, bomb, settings);
    expect(sizes).toHaveLength(MAX_MESSAGES_PER_TURN);
    expect(dispatcher.queuedCount).toBe(3);
    expect(dispatcher.queuedBytes).toBeLessThan(3 * (bomb.length + 100));
    await until(() => sizes.length === count);
    expect(sizes).toEqual(Array(count).fill(200 * KIB));
  });

  test("is known while another thread decompresses it", async () => {
    const { dispatcher, sizes } = rig();
    expect(dispatcher.decodingBytes).toBe(0);
    dispatcher.dispatchCompressed(Opcode.binary, large, settings);
    expect([dispatcher.isBusy, dispatcher.queuedBytes, dispatcher.decodingBytes]).toEqual([true, 0, large.length]);
    await until(() => sizes.length === 1);
    await until(() => !dispatcher.isBusy);
    expect(dispatcher.decodingBytes).toBe(0);
  });

  test.each([true, false])("that turns out bad is no error any more if delivery was stopped: %s", async (stops) => {
    const { dispatcher, errors } = rig();
    dispatcher.dispatchCompressed(Opcode.binary, asBytes(large.subarray(0, 80 * KIB)), settings);
    if (stops) dispatcher.stopDelivery();
    await until(() => !dispatcher.isBusy);
    expect(errors).toHaveLength(stops ? 0 : 1);
  });

  test.each(["stopped", "Closed"])("of a connection that is gone is not decompressed: %s", async (how) => {
    vi.mocked(inflateInPool).mockClear();
    const first = rig();
    const gone = [rig(), rig(), rig()];
    const last = rig();
    for (const { dispatcher } of [first, ...gone, last]) dispatcher.dispatchCompressed(Opcode.binary, large, settings);
    for (const { dispatcher, owner } of gone) {
      // It comes after the one that is not delivered, so it is not delivered either.
      dispatcher.dispatchCompressed(Opcode.binary, deflate("next"), settings);
      if (how === "stopped") dispatcher.stopDelivery();
      else owner.status = "Closed";
    }
    await until(() => last.sizes.length === 1 && gone.every(({ dispatcher }) => !dispatcher.isBusy));
    expect(inflateInPool).toHaveBeenCalledTimes(2);
    expect(gone.flatMap(({ sizes, errors }) => [...sizes, ...errors])).toEqual([]);
  });
});
