import type { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { StreamWriter } from "../../../src/connection/sending/stream-writer.ts";
import { type StreamListener, attach } from "../../../src/connection/transport/stream.ts";
import { hex, toHex, utf8 } from "../../support/bytes.ts";
import { Wire, type WireOptions, turns } from "../../support/wire.ts";

/** A writer with public internals. */
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

  /** Calls protected methods. */
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
  const writer = new Open(stream);
  return { stream, writer, act: writer.act };
}

/** A writer whose stream takes nothing, and is full from the first byte. */
function stuck() {
  const all = rig({ highWaterMark: 1 });
  all.stream.stick();
  return all;
}

describe("put", () => {
  test("reaches the stream at once: bytes as they are, a string as one byte a character", () => {
    const { stream, act } = rig();
    act.put(hex("01 ff"));
    act.put("\u0081a");
    expect(stream.writes.map(toHex)).toEqual(["01ff", "8161"]);
  });

  test("leaves the writer empty and not full when the stream takes the bytes", () => {
    const { writer, act } = rig();
    expect(writer.isEmpty).toBe(false);
    act.put(hex("01"));
    expect([writer.isEmpty, writer.isFull, writer.unsentSize, sendBudget.total]).toEqual([true, false, 0, 0]);
  });

  test("leaves the bytes in the stream otherwise, which is full from its mark on", () => {
    const { stream, writer, act } = rig({ highWaterMark: 4 });
    stream.stick();
    act.put(hex("01 02 03"));
    expect([writer.isEmpty, writer.isFull, writer.unsentSize]).toEqual([false, false, 3]);
    act.put(hex("04"));
    expect([writer.isEmpty, writer.isFull, writer.unsentSize]).toEqual([false, true, 4]);
  });

  test("writes once for all bytes between hold and release", () => {
    const { stream, writer, act } = rig();
    act.cork();
    act.put(hex("01"));
    act.put("a");
    expect([stream.writes.length, writer.isEmpty, writer.unsentSize]).toEqual([0, false, 2]);
    act.letGo();
    expect(stream.writes.map(toHex)).toEqual(["0161"]);
    expect([writer.isEmpty, writer.isFull]).toEqual([true, false]);
  });

  test("marks a stream that throws as full: nothing more is written to it", () => {
    for (const method of ["write", "uncork"] as const) {
      const { stream, writer, act } = rig();
      stream.on("error", () => undefined);
      stream[method] = () => {
        throw new Error("broken");
      };
      if (method === "uncork") act.letGo();
      else act.put(hex("01"));
      expect([writer.isFull, stream.destroyed]).toEqual([true, true]);
    }
  });

  test("writes before the stream's end", async () => {
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

describe("the count of written bytes", () => {
  test("counts a string with one byte for each character", () => {
    const { writer, act } = rig();
    expect(writer.bytesWritten).toBe(0);
    act.put(hex("01 02 03"));
    expect(writer.bytesWritten).toBe(3);
    act.put("\u0081a");
    expect(writer.bytesWritten).toBe(5);
    act.put("");
    expect(writer.bytesWritten).toBe(5);
  });

  test("counts bytes whether the stream takes them, is full or holds them", () => {
    const { writer, act } = stuck();
    act.put(hex("01"));
    act.put(hex("02 03"));
    expect([writer.isFull, writer.bytesWritten]).toEqual([true, 3]);
    act.cork();
    act.put("abcd");
    expect(writer.bytesWritten).toBe(7);
    act.letGo();
    expect(writer.bytesWritten).toBe(7);
  });

  test("does not count what waits before the stream", () => {
    const { writer, act } = stuck();
    act.put(hex("01"));
    act.account(1000);
    expect([writer.unsentSize, writer.bytesWritten]).toEqual([1001, 1]);
  });
});

describe("a full stream", () => {
  test("stays full after a ping that it would take, until the stream drains", () => {
    const { stream, writer, act } = rig({ highWaterMark: 4 });
    stream.stick();
    act.put(hex("01 02 03 04"));
    expect(writer.isFull).toBe(true);
    stream.takeOne();
    // It would take more, but has not emitted drain yet.
    act.put(hex("89 00"));
    expect([writer.isFull, writer.unsentSize, sendBudget.total]).toEqual([true, 2, 2]);
    act.setFull(false);
    expect([writer.isFull, sendBudget.total]).toEqual([false, 0]);
  });

  test("that is ended counts in the send budget until it has finished", async () => {
    const { stream, act } = stuck();
    act.put(hex("01 02 03"));
    act.endStream();
    await turns();
    expect(sendBudget.total).toBe(3);
    stream.flow();
    await turns();
    expect([stream.ended, sendBudget.total, sendBudget.share(-1)]).toEqual([true, 0, Number.NEGATIVE_INFINITY]);
  });

  test("counts in the send budget with what waits in it", () => {
    const { act } = stuck();
    act.put(hex("01 02 03"));
    expect(sendBudget.total).toBe(3);
    act.put(hex("04"));
    expect(sendBudget.total).toBe(4);
  });

  test("counts there with what waits before it too, once that is reported", () => {
    const { writer, act } = stuck();
    act.put(hex("01 02 03"));
    act.account(100);
    expect(sendBudget.total).toBe(103);
    act.account(0);
    expect([sendBudget.total, writer.unsentSize]).toEqual([3, 3]);
  });

  test("leaves the budget when it drains, and when it is closed", () => {
    for (const leave of ["drained", "closed"] as const) {
      const { writer, act } = stuck();
      act.put(hex("01 02 03"));
      act.account(50);
      expect(sendBudget.total).toBe(53);
      if (leave === "drained") act.setFull(false);
      else act.forget();
      expect([sendBudget.total, writer.isFull]).toEqual([0, leave === "closed"]);
    }
  });

  test("that is not full does not count there, whatever is reported", () => {
    const { stream, act } = rig();
    stream.stick();
    act.put(hex("01 02 03"));
    act.account(100);
    act.setFull(false);
    expect([sendBudget.total, sendBudget.share(-1)]).toEqual([0, Number.NEGATIVE_INFINITY]);
  });

  test("shares the budget once for each writer", () => {
    for (const { act } of [stuck(), stuck(), stuck(), rig()]) {
      act.put(hex("01"));
      act.put(hex("02"));
    }
    expect([sendBudget.total, sendBudget.share(3)]).toEqual([6, 1]);
  });
});

describe("tellWhenTaken", () => {
  test("calls the listener when the stream has taken everything, and not before", async () => {
    const { stream, writer, act } = rig();
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
    writer.notifyWhenTaken();
    await turns();
    expect(told).toEqual([]);
    stream.flow();
    await turns();
    expect(told).toEqual(["6162"]);
  });
});
