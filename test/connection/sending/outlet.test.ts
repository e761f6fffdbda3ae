import type { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { sendBudget } from "../../../src/connection/sending/budget.ts";
import { Outlet } from "../../../src/connection/sending/outlet.ts";
import { type StreamListener, link } from "../../../src/connection/stream/stream.ts";
import { hex, toHex, utf8 } from "../../support/bytes.ts";
import { Wire, type WireOptions, turns } from "../../support/wire.ts";

/** An outlet whose inside may be reached. */
class Open extends Outlet {
  /** Bytes that wait before the stream. */
  before = 0;

  constructor(stream: Duplex) {
    super(stream, true);
    onTestFinished(() => this.forget());
  }

  get isEmpty(): boolean {
    return this.empty;
  }

  get waiting(): number {
    return this.before + this.inStream;
  }

  /** Calls what only an outbox may call. */
  readonly act = {
    cork: () => this.cork(),
    letGo: () => this.letGo(),
    put: (bytes: Parameters<Outlet["put"]>[0]) => void this.put(bytes, false),
    setFull: (full: boolean) => this.setFull(full),
    endStream: () => this.endStream(),
    account: (before: number) => {
      this.before = before;
      this.account();
    },
    forget: () => this.forget(),
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
    expect([outlet.isEmpty, outlet.full, outlet.waiting, sendBudget.total]).toEqual([true, false, 0, 0]);
  });

  test("waits in the stream otherwise, which is full from its mark on", () => {
    const { stream, outlet, act } = rig({ highWaterMark: 4 });
    stream.stick();
    act.put(hex("01 02 03"));
    expect([outlet.isEmpty, outlet.full, outlet.waiting]).toEqual([false, false, 3]);
    act.put(hex("04"));
    expect([outlet.isEmpty, outlet.full, outlet.waiting]).toEqual([false, true, 4]);
  });

  test("while it is held leaves as one", () => {
    const { stream, outlet, act } = rig();
    act.cork();
    act.put(hex("01"));
    act.put("a");
    expect([stream.writes.length, outlet.isEmpty, outlet.waiting]).toEqual([0, false, 2]);
    act.letGo();
    expect(stream.writes.map(toHex)).toEqual(["0161"]);
    expect([outlet.isEmpty, outlet.full]).toEqual([true, false]);
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
      expect([outlet.full, stream.destroyed]).toEqual([true, true]);
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
    expect(outlet.handed).toBe(0);
    act.put(hex("01 02 03"));
    expect(outlet.handed).toBe(3);
    act.put("\u0081a");
    expect(outlet.handed).toBe(5);
    act.put("");
    expect(outlet.handed).toBe(5);
  });

  test("is counted whether the stream takes it, is full or holds it", () => {
    const { outlet, act } = stuck();
    act.put(hex("01"));
    act.put(hex("02 03"));
    expect([outlet.full, outlet.handed]).toEqual([true, 3]);
    act.cork();
    act.put("abcd");
    expect(outlet.handed).toBe(7);
    act.letGo();
    expect(outlet.handed).toBe(7);
  });

  test("is not what waits before the stream", () => {
    const { outlet, act } = stuck();
    act.put(hex("01"));
    act.account(1000);
    expect([outlet.waiting, outlet.handed]).toEqual([1001, 1]);
  });
});

describe("a full stream", () => {
  test("is as full behind a ping that it would take: it is the stream that tells when it is not", () => {
    const { stream, outlet, act } = rig({ highWaterMark: 4 });
    stream.stick();
    act.put(hex("01 02 03 04"));
    expect(outlet.full).toBe(true);
    stream.takeOne();
    // It would take more, and has not told so yet.
    act.put(hex("89 00"));
    expect([outlet.full, outlet.waiting, sendBudget.total]).toEqual([true, 2, 2]);
    act.setFull(false);
    expect([outlet.full, sendBudget.total]).toEqual([false, 0]);
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
    expect([sendBudget.total, outlet.waiting]).toEqual([3, 3]);
  });

  test("stands there no more when it has room again, nor when it is gone", () => {
    for (const leave of ["room", "gone"] as const) {
      const { outlet, act } = stuck();
      act.put(hex("01 02 03"));
      act.account(50);
      expect(sendBudget.total).toBe(53);
      if (leave === "room") act.setFull(false);
      else act.forget();
      expect([sendBudget.total, outlet.full]).toEqual([0, leave === "gone"]);
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
      ...{ received: nothing, drained: nothing, ended: nothing, failed: nothing, closed: nothing },
      taken: () => told.push(toHex(stream.taken)),
    };
    link(stream, listener);
    stream.stick();
    act.put(utf8("a"));
    act.put(utf8("b"));
    outlet.tellWhenTaken();
    await turns();
    expect(told).toEqual([]);
    stream.flow();
    await turns();
    expect(told).toEqual(["6162"]);
  });
});
