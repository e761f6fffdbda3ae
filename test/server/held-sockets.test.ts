import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HeldSockets } from "../../src/server/held-sockets.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Held sockets with places for this many, and the handshakes that have places too. */
function rig(maxHandshakes: number) {
  const limitCounters = { maxHandshakes: 0, handshakeTimeout: 0 };
  const handshakes = new Set<number>();
  const held = new HeldSockets({ maxHandshakes, limitCounters }, handshakes);
  const linger = (address = "192.0.2.1"): PassThrough => {
    const socket = new PassThrough();
    held.linger(socket, address);
    return socket;
  };
  /** A refused socket that waits for answers of the application. */
  const awaitAnswers = () => {
    const socket = new PassThrough();
    return { socket, release: held.awaitAnswers(socket, "192.0.2.1", 5_000) };
  };
  /** A socket with a request that another listener may answer. */
  const wait = (address = "192.0.2.1") => {
    const one = { socket: new PassThrough(), isTaken: false, isPassedOn: false, refused: 0 };
    held.wait(one.socket, address, {
      timeout: 5_000,
      isForUs: false,
      isTaken: () => one.isTaken,
      shortTimeout: 5_000,
      isWanted: () => false,
      passOn: () => one.isPassedOn,
      leave: () => undefined,
      answer: () => {
        one.refused++;
        held.linger(one.socket, address);
      },
    });
    return one;
  };
  return { held, handshakes, limitCounters, linger, awaitAnswers, wait };
}

function destroyed(sockets: readonly PassThrough[]): boolean[] {
  return sockets.map((socket) => socket.destroyed);
}

describe("a socket with its last answer", () => {
  test("has a second until it is destroyed", () => {
    const { held, linger, limitCounters } = rig(2);
    const socket = linger();
    vi.advanceTimersByTime(999);
    expect([socket.destroyed, held.size]).toEqual([false, 1]);
    vi.advanceTimersByTime(1);
    expect([socket.destroyed, held.size, limitCounters.maxHandshakes]).toEqual([true, 0, 0]);
  });

  test("leaves no timer and no place when the client closes it", async () => {
    const { held, linger } = rig(2);
    const socket = linger();
    socket.destroy();
    await new Promise((resolve) => socket.once("close", resolve));
    expect([held.size, vi.getTimerCount()]).toEqual([0, 0]);
    held.linger(socket, "192.0.2.1");
    expect(held.size).toBe(0);
  });

  test("gives its place up for a newer one: the oldest first, counted", () => {
    const { linger, limitCounters } = rig(2);
    expect(destroyed([linger(), linger(), linger(), linger()])).toEqual([true, true, false, false]);
    expect(limitCounters.maxHandshakes).toBe(2);
  });

  test("that belongs to an address with more than its share goes before older ones", () => {
    const { linger } = rig(16);
    const other = linger("198.51.100.1");
    const sockets = Array.from({ length: 100 }, () => linger());
    expect(other.destroyed).toBe(false);
    expect(destroyed(sockets).lastIndexOf(true)).toBe(84);
  });

  test("gives its place up for a handshake, and is destroyed at once when handshakes have all places", () => {
    const { held, handshakes, linger, limitCounters } = rig(2);
    const sockets = [linger(), linger()];
    for (const id of [1, 2]) {
      expect(held.makePlace()).toBe(true);
      handshakes.add(id);
    }
    expect(destroyed(sockets)).toEqual([true, true]);
    expect([held.makePlace(), limitCounters.maxHandshakes]).toEqual([false, 2]);
    expect(linger().destroyed).toBe(true);
    expect([held.size, limitCounters.maxHandshakes]).toEqual([0, 2]);
  });
});

describe("a request that nobody has answered yet", () => {
  test("is refused after its timeout, and its socket lingers", () => {
    const { wait } = rig(2);
    const one = wait();
    vi.advanceTimersByTime(4_999);
    expect(one.refused).toBe(0);
    vi.advanceTimersByTime(1);
    expect([one.refused, one.socket.destroyed]).toEqual([1, false]);
    vi.advanceTimersByTime(1_000);
    expect(one.socket.destroyed).toBe(true);
  });

  test("loses its place after those with an answer: it is refused, and its socket is destroyed", () => {
    const { wait, linger, limitCounters } = rig(2);
    const [first, lingering, second] = [wait(), linger(), wait()];
    expect([first.refused, lingering.destroyed, limitCounters.maxHandshakes]).toEqual([0, true, 1]);
    const third = wait();
    expect([first.refused, second.refused, third.refused]).toEqual([1, 0, 0]);
    expect(destroyed([first.socket, second.socket, third.socket])).toEqual([true, false, false]);
    expect(limitCounters.maxHandshakes).toBe(2);
  });

  test("that another listener has taken is only released", () => {
    const { held, wait, limitCounters } = rig(1);
    const first = wait();
    first.isTaken = true;
    wait();
    expect([first.refused, first.socket.destroyed, held.size, limitCounters.maxHandshakes]).toEqual([0, false, 1, 0]);
  });

  test("that another listener has taken gives its place up first, also when it is not the oldest", () => {
    const { held, linger, wait, limitCounters } = rig(3);
    const [answered, open, taken] = [linger(), wait(), wait()];
    taken.isTaken = true;
    expect(held.makePlace()).toBe(true);
    expect([held.size, answered.destroyed, open.refused, taken.refused]).toEqual([2, false, 0, 0]);
    expect([taken.socket.destroyed, taken.socket.listenerCount("close")]).toEqual([false, 0]);
    expect(limitCounters.maxHandshakes).toBe(0);
  });

  test("is asked only among the oldest whether it is taken", () => {
    const { held, wait } = rig(100);
    const all = Array.from({ length: 100 }, () => wait());
    for (const one of all) one.isTaken = true;
    held.makePlace();
    expect(held.size).toBe(68);
  });

  test("is refused at once when handshakes have all places", () => {
    const { held, handshakes, wait } = rig(1);
    handshakes.add(1);
    const one = wait();
    expect([one.refused, one.socket.destroyed, held.size]).toEqual([1, true, 0]);
  });
});

describe("a refused socket that waits for answers of the application", () => {
  test("is destroyed after its timeout, counted", () => {
    const { held, awaitAnswers, limitCounters } = rig(2);
    const { socket } = awaitAnswers();
    vi.advanceTimersByTime(4_999);
    expect([socket.destroyed, held.size]).toEqual([false, 1]);
    vi.advanceTimersByTime(1);
    expect([socket.destroyed, held.size, limitCounters]).toEqual([true, 0, { maxHandshakes: 0, handshakeTimeout: 1 }]);
  });

  test("leaves no timer and no place when it is answered", () => {
    const { held, awaitAnswers } = rig(2);
    const { socket, release } = awaitAnswers();
    release();
    expect([held.size, vi.getTimerCount(), socket.listenerCount("close")]).toEqual([0, 0, 0]);
  });

  test("loses its place as one with an answer does, and is destroyed at once when handshakes have all places", () => {
    const { handshakes, awaitAnswers, limitCounters } = rig(2);
    const all = [awaitAnswers(), awaitAnswers(), awaitAnswers()];
    expect(destroyed(all.map(({ socket }) => socket))).toEqual([true, false, false]);
    handshakes.add(1).add(2);
    const { socket, release } = awaitAnswers();
    release();
    expect([socket.destroyed, limitCounters.maxHandshakes]).toEqual([true, 4]);
  });
});

describe("a server that ends", () => {
  test("refuses what waits when nobody is left, and lets clients read their answers", () => {
    const { held, wait, linger } = rig(10);
    const [one, taken, passed, answered] = [wait(), wait(), wait(), linger()];
    taken.isTaken = true;
    passed.isPassedOn = true;
    held.passOnAll();
    expect([one.refused, taken.refused, passed.refused, held.size]).toEqual([1, 0, 0, 2]);
    expect(destroyed([one.socket, taken.socket, passed.socket, answered])).toEqual([false, false, false, false]);
  });

  test("that is to end at once destroys what has its answer, without a timer left", () => {
    const { held, wait, linger, limitCounters } = rig(10);
    const [one, taken, answered] = [wait(), wait(), linger()];
    taken.isTaken = true;
    held.passOnAll();
    held.cutAll();
    expect([one.refused, taken.refused, held.size, vi.getTimerCount()]).toEqual([1, 0, 0, 0]);
    expect(destroyed([one.socket, taken.socket, answered])).toEqual([true, false, true]);
    expect(limitCounters.maxHandshakes).toBe(0);
  });
});
