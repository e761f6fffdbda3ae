import { describe, expect, test } from "vitest";
import { type Call, Session, binary, deferred } from "../support/session.ts";
import { turns } from "../support/wire.ts";

/** What a handler got, as bytes. */
function got(calls: readonly Call[]): string[] {
  return calls.flatMap(([name, data]) => (name === "message" ? [Buffer.from(data as Buffer).toString("hex")] : []));
}

function transfer(data: unknown): void {
  const { buffer } = data as Buffer;
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

const [one, two, three] = [binary("01"), binary("02"), binary("03")] as const;

describe("a handler that transfers the memory of a message", () => {
  test("gets all messages, if each came alone", async () => {
    const seen: string[] = [];
    const session = new Session({
      message: (_ws, data) => {
        seen.push((data as Buffer).toString("hex"));
        transfer(data);
      },
    });
    for (const frame of [one, two, three]) {
      session.receive(frame);
      await turns();
    }
    expect(seen).toEqual(["01", "02", "03"]);
    expect(session.connection.status).toBe("Connected");
  });

  test("loses those after it in the same chunk, and is told: none comes empty", async () => {
    const seen: string[] = [];
    const session = new Session({
      message: (_ws, data) => {
        seen.push((data as Buffer).toString("hex"));
        transfer(data);
      },
    });
    session.receive(one, two, three);
    await turns();
    expect(seen).toEqual(["01"]);
    expect(session.sent).toEqual([["close", "1011"]]);
    expect(session.calls.slice(2)).toEqual([["error", 215]]);
  });

  test("loses none that waited for it: each has memory of its own", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(one, two, three);
    await turns();
    expect(got(session.calls)).toEqual(["01"]);
    transfer(session.calls[1]![1]);
    resolve();
    await turns();
    expect(got(session.calls).slice(1)).toEqual(["02", "03"]);
    expect(session.sent).toEqual([]);
  });

  test("loses a long one that waited for it and fills most of the read, and is told", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(one, binary("ab".repeat(100)));
    await turns();
    transfer(session.calls[1]![1]);
    resolve();
    await turns();
    expect(session.calls.slice(2)).toEqual([["error", 215]]);
    expect(session.sent).toEqual([["close", "1011"]]);
  });

  test("loses no empty message that waited for it", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(one, binary(""), binary(""));
    await turns();
    transfer(session.calls[1]![1]);
    resolve();
    await turns();
    expect(got(session.calls).slice(1)).toEqual(["", ""]);
    // Each has memory of its own.
    transfer(session.calls[2]![1]);
    session.receive(binary(""));
    await turns();
    expect([got(session.calls).length, session.sent]).toEqual([4, []]);
  });
});
