import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { SentMessages } from "../../../src/client/browser/sent-messages.ts";
import { usePage } from "../../support/browser-page.ts";

/** The messages of a socket of which the test sets the bytes that wait. */
function rig() {
  usePage();
  const socket = { waiting: 0 };
  return { socket, sent: new SentMessages(() => socket.waiting) };
}

test("a message counts as written when its last byte has left", () => {
  const { socket, sent } = rig();
  for (const size of [10, 20, 30]) {
    socket.waiting += size;
    sent.add(size);
  }
  expect(sent.counters).toEqual({ accepted: 3, written: 0, dropped: 0, pending: 3 });
  socket.waiting = 31;
  expect(sent.counters).toEqual({ accepted: 3, written: 1, dropped: 0, pending: 2 });
  socket.waiting = 30;
  expect(sent.counters).toEqual({ accepted: 3, written: 2, dropped: 0, pending: 1 });
  sent.end();
  expect(sent.counters).toEqual({ accepted: 3, written: 2, dropped: 1, pending: 0 });
});

test("what has left since it was sent is written when the socket ends, also if nobody has looked meanwhile", () => {
  const { socket, sent } = rig();
  socket.waiting = 5;
  sent.add(5);
  socket.waiting = 0;
  sent.end();
  expect(sent.counters).toEqual({ accepted: 1, written: 1, dropped: 0, pending: 0 });
});

test("a dropped message is accepted and dropped, as on the server", () => {
  const { sent } = rig();
  sent.drop();
  expect(sent.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
});

test("there is space when no more than the mark waits, which is told once", () => {
  const { socket, sent } = rig();
  const calls: string[] = [];
  socket.waiting = 101;
  sent.watch(100, () => void calls.push("first"));
  sent.watch(100, () => void calls.push("drained"));
  vi.advanceTimersByTime(1_000);
  expect(calls).toEqual([]);
  socket.waiting = 100;
  vi.advanceTimersByTime(1_000);
  expect(calls).toEqual(["drained"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a socket that ends is watched no more", () => {
  const { socket, sent } = rig();
  socket.waiting = 101;
  sent.watch(100, () => expect.unreachable());
  sent.end();
  expect(vi.getTimerCount()).toBe(0);
});

test("accepted is always written, dropped and pending, whatever is sent and leaves", () => {
  const { socket, sent } = rig();
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(fc.record({ size: fc.nat(1_000), leaves: fc.nat(2_000), drops: fc.boolean() })), (steps) => {
      for (const { size, leaves, drops } of steps) {
        if (drops) sent.drop();
        else {
          socket.waiting += size;
          sent.add(size);
        }
        accepted++;
        socket.waiting = Math.max(0, socket.waiting - leaves);
        const counters = sent.counters;
        expect(counters.accepted).toBe(accepted);
        expect(counters.written + counters.dropped + counters.pending).toBe(accepted);
        if (socket.waiting === 0) expect(counters.pending).toBe(0);
      }
    }),
  );
});
