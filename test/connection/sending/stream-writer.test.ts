import type { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { StreamWriter } from "../../../src/connection/sending/stream-writer.ts";
import { type StreamListener, attach } from "../../../src/connection/transport/stream.ts";
import { hex, toHex, utf8 } from "../../support/bytes.ts";
import { Wire, type WireOptions, turns } from "../../support/wire.ts";

/** An outlet whose inside may be reached. */
class Open extends StreamWriter {
  /** Bytes that wait before the stream. */
  before = 0;

  constructor(stream: Duplex) {
    super(stream, true);
    onTestFinished(() => this.leaveBudget());
  }

  get isEmpty(): boolean {
    return this.isStreamEmpty;
  }

  get unsentSize(): number {
    return this.before + this.bytesInStream;
  }

  /** Calls what only an outbox may call. */
  readonly act = {
    cork: () => this.cork(),
    letGo: () => this.uncork(),
    put: (bytes: Parameters<StreamWriter["writeToStream"]>[0]) => void this.writeToStream(bytes, false),
    setFull: (full: boolean) => this.setFull(full),
    endStream: () => this.endStream(),
    account: (before: number) => {
      this.before = before;
      this.updateBudget();
    },
    forget: () => this.leaveBudget(),
  };
}

function rig(options: WireOptions = {}) {
  const stream = new Wire(options);
  const outlet = new Open(stream);
  return { stream, outlet, act: outlet.act };
}

/** An outlet whose stream takes nothing, and is full from the first byte. */
function stuck() {
  const all = rig({ highWaterMark: 1 });
  all.stream.stick();
  return all;
}

describe("what is put", () => {
  test("reaches the stream at once: bytes as they are, a string as one byte a character", () => {
    const { stream, act } = rig();
    act.put(hex("01 ff"));
    act.put("\u0081a");
    expect(stream.writes.map(toHex)).toEqual(["01ff", "8161"]);
  });

  test("leaves the outlet empty where the stream takes it, and not full", () => {
    const { outlet, act } = rig();
    expect(outlet.isEmpty).toBe(false);
    act.put(hex("01"));
    expect([outlet.isEmpty, outlet.isFull, outlet.unsentSize, sendBudget.total]).toEqual([true, false, 0, 0]);
  });

  test("waits in the stream otherwise, which is full from its mark on", () => {
    const { stream, outlet, act } = rig({ highWaterMark: 4 });
    stream.stick();
    act.put(hex("01 02 03"));
    expect([outlet.isEmpty, outlet.isFull, outlet.unsentSize]).toEqual([false, false, 3]);
    act.put(hex("04"));
    expect([outlet.isEmpty, outlet.isFull, outlet.unsentSize]).toEqual([false, true, 4]);
  });

  test("while it is held leaves as one", () => {
    const { stream, outlet, act } = rig();
    act.cork();
    act.put(hex("01"));
    act.put("a");
    expect([stream.writes.length, outlet.isEmpty, outlet.unsentSize]).toEqual([0, false, 2]);
    act.letGo();
    expect(stream.writes.map(toHex)).toEqual(["0161"]);
    expect([outlet.isEmpty, outlet.isFull]).toEqual([true, false]);
  });

  test("makes a stream that breaks full: nothing more goes there", () => {
    for (const method of ["write", "uncork"] as const) {
      const { stream, outlet, act } = rig();
      stream.on("error", () => undefined);
      stream[method] = () => {
        throw new Error("broken");
      };
      if (method === "uncork") act.letGo();
      else act.put(hex("01"));
      expect([outlet.isFull, stream.destroyed]).toEqual([true, true]);
    }
  });

  test("goes before the stream's end", async () => {
    const { stream, act } = stuck();
    act.put(hex("01"));
    act.endStream();
    await turns();
    expect(stream.ended).toBe(false);
    stream.flow();
    await turns();
    expect([stream.ended, toHex(stream.taken)]).toEqual([true, "01"]);
  });
});

describe("what was handed over", () => {
  test("is counted in bytes, of a string one for each character", () => {
    const { outlet, act } = rig();
    expect(outlet.bytesWritten).toBe(0);
    act.put(hex("01 02 03"));
    expect(outlet.bytesWritten).toBe(3);
    act.put("\u0081a");
    expect(outlet.bytesWritten).toBe(5);
    act.put("");
    expect(outlet.bytesWritten).toBe(5);
  });

  test("is counted whether the stream takes it, is full or holds it", () => {
    const { outlet, act } = stuck();
    act.put(hex("01"));
    act.put(hex("02 03"));
    expect([outlet.isFull, outlet.bytesWritten]).toEqual([true, 3]);
    act.cork();
    act.put("abcd");
    expect(outlet.bytesWritten).toBe(7);
    act.letGo();
    expect(outlet.bytesWritten).toBe(7);
  });

  test("is not what waits before the stream", () => {
    const { outlet, act } = stuck();
    act.put(hex("01"));
    act.account(1000);
    expect([outlet.unsentSize, outlet.bytesWritten]).toEqual([1001, 1]);
  });
});

describe("a full stream", () => {
  test("is as full behind a ping that it would take: it is the stream that tells when it is not", () => {
    const { stream, outlet, act } = rig({ highWaterMark: 4 });
    stream.stick();
    act.put(hex("01 02 03 04"));
    expect(outlet.isFull).toBe(true);
    stream.takeOne();
    // It would take more, and has not told so yet.
    act.put(hex("89 00"));
    expect([outlet.isFull, outlet.unsentSize, sendBudget.total]).toEqual([true, 2, 2]);
    act.setFull(false);
    expect([outlet.isFull, sendBudget.total]).toEqual([false, 0]);
  });

  test("that is ended stands in the budget until it has finished, and then no more", async () => {
    const { stream, act } = stuck();
    act.put(hex("01 02 03"));
    act.endStream();
    await turns();
    expect(sendBudget.total).toBe(3);
    stream.flow();
    await turns();
    expect([stream.ended, sendBudget.total, sendBudget.share(-1)]).toEqual([true, 0, Number.NEGATIVE_INFINITY]);
  });

  test("stands in the budget of the process with what waits in it", () => {
    const { act } = stuck();
    act.put(hex("01 02 03"));
    expect(sendBudget.total).toBe(3);
    act.put(hex("04"));
    expect(sendBudget.total).toBe(4);
  });

  test("stands there with what waits before it too, once that is said", () => {
    const { outlet, act } = stuck();
    act.put(hex("01 02 03"));
    act.account(100);
    expect(sendBudget.total).toBe(103);
    act.account(0);
    expect([sendBudget.total, outlet.unsentSize]).toEqual([3, 3]);
  });

  test("stands there no more when it has room again, nor when it is gone", () => {
    for (const leave of ["room", "gone"] as const) {
      const { outlet, act } = stuck();
      act.put(hex("01 02 03"));
      act.account(50);
      expect(sendBudget.total).toBe(53);
      if (leave === "room") act.setFull(false);
      else act.forget();
      expect([sendBudget.total, outlet.isFull]).toEqual([0, leave === "gone"]);
    }
  });

  test("that is not full stands there for nothing, whatever is said", () => {
    const { stream, act } = rig();
    stream.stick();
    act.put(hex("01 02 03"));
    act.account(100);
    act.setFull(false);
    expect([sendBudget.total, sendBudget.share(-1)]).toEqual([0, Number.NEGATIVE_INFINITY]);
  });

  test("is one of those who share the budget, once for each outlet", () => {
    for (const { act } of [stuck(), stuck(), stuck(), rig()]) {
      act.put(hex("01"));
      act.put(hex("02"));
    }
    expect([sendBudget.total, sendBudget.share(3)]).toEqual([6, 1]);
  });
});

describe("tellWhenTaken", () => {
  test("has the listener told when the stream has taken all that was put, and not before", async () => {
    const { stream, outlet, act } = rig();
    const told: string[] = [];
    const nothing = (): undefined => undefined;
    const listener: StreamListener = {
      ...{ onData: nothing, onDrain: nothing, onEnd: nothing, onStreamError: nothing, onStreamClose: nothing },
      onTaken: () => told.push(toHex(stream.taken)),
    };
    attach(stream, listener);
    stream.stick();
    act.put(utf8("a"));
    act.put(utf8("b"));
    outlet.notifyWhenTaken();
    await turns();
    expect(told).toEqual([]);
    stream.flow();
    await turns();
    expect(told).toEqual(["6162"]);
  });
});
