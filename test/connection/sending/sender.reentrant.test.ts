import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { connectionLimitNames, zeroCounters } from "../../../src/connection/counters/limit-counters.ts";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import { MAX_COPIED, MAX_IN_STREAM } from "../../../src/connection/transport/stream-writer.ts";
import { fill } from "../../support/bytes.ts";
import { outgoing } from "../../support/outgoing.ts";
import { Session, text } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { came } from "../../support/slow-session.ts";
import { Wire, turns } from "../../support/wire.ts";

/** A `Blob` of an application, which does something while it is read. */
class ActiveBlob extends Blob {
  readonly #act: () => void;

  constructor(content: string, act: () => void) {
    super([content]);
    this.#act = act;
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    this.#act();
    return super.arrayBuffer();
  }
}

describe("a Blob that acts while it is read", () => {
  test("sends after itself, also another Blob", async () => {
    const session = new Session();
    const { connection } = session;
    const blob = new ActiveBlob("blob", () => {
      connection.send(outgoing("m1"));
      connection.send(outgoing(new Blob(["inner"])));
      connection.sendText("m2");
    });
    connection.send(outgoing(blob));
    connection.send(outgoing("m3"));
    await expect.poll(() => came(session)).toEqual(["blob", "m1", "inner", "m2", "m3"]);
    expect(connection.counters).toEqual({ accepted: 5, written: 5, dropped: 0, pending: 0 });
  });

  test("closes after itself", async () => {
    const session = new Session();
    const { connection } = session;
    connection.send(outgoing(new ActiveBlob("blob", () => connection.close(1000))));
    await expect.poll(() => came(session)).toEqual(["blob", "close 1000"]);
    expect(connection.counters).toEqual({ accepted: 1, written: 1, dropped: 0, pending: 0 });
  });

  test("destroys the connection, and is dropped", async () => {
    const { connection } = new Session();
    connection.send(outgoing(new ActiveBlob("blob", () => connection.destroy())));
    await turns();
    expect(connection.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
  });
});

describe("a stream that never says it is full", () => {
  test.each(["terminate", "drop-newest", "drop-oldest", "latest"] as const)(
    "gets at most the limit before messages are dropped, under %s",
    async (sendQueuePolicy) => {
      const stream = new Wire({ highWaterMark: 2 ** 30 });
      const limitCounters = zeroCounters(connectionLimitNames);
      const session = new Session({}, { stream, sendQueuePolicy, limitCounters, maxSendQueue: 50_000 });
      await turns();
      stream.stick();
      for (let i = 0; i < 100; i++) {
        session.connection.send(outgoing(`${i}`.padEnd(10_000), `${i % 4}`));
        expect(session.connection.bufferedAmount).toBeLessThan(130_000);
        if (i % 10 === 0) await turns(1);
      }
      expect(limitCounters.maxSendQueue).toBeGreaterThan(0);
      if (sendQueuePolicy === "terminate") return;
      stream.flow();
      await turns();
      const { accepted, written, dropped, pending } = session.connection.counters;
      expect([written + dropped, pending]).toEqual([accepted, 0]);
      expect(dropped).toBeGreaterThan(80);
      // The stream takes again: so do we.
      for (let i = 0; i < 10; i++) {
        session.connection.send(outgoing(`late ${i}`));
        await turns(1);
      }
      expect(came(session).slice(-10)).toEqual(Array.from({ length: 10 }, (_, i) => `late ${i}`));
    },
  );

  test("counts in the budget of the process once it holds much", async () => {
    const stream = new Wire({ highWaterMark: 2 ** 30 });
    const session = new Session({}, { stream });
    await turns();
    stream.stick();
    for (let sent = 0; sent <= MAX_IN_STREAM; sent += 100_000) session.connection.send(outgoing(fill(1, 100_000)));
    await turns();
    session.connection.send(outgoing("x"));
    expect(sendBudget.total).toBeGreaterThan(MAX_IN_STREAM);
    stream.flow();
    await turns();
    expect([sendBudget.total, session.connection.bufferedAmount, session.sent.length]).toEqual([0, 0, 12]);
  });
});

/** A stream that does something in the middle of each write. */
class ActiveWire extends Wire {
  act: (() => void) | undefined;

  override _write(chunk: Uint8Array, encoding: string, done: () => void): void {
    const act = this.act;
    this.act = undefined;
    super._write(chunk, encoding, done);
    act?.();
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], done: () => void): void {
    const act = this.act;
    this.act = undefined;
    super._writev(chunks, done);
    act?.();
  }
}

describe("a stream that closes in the middle of a write", () => {
  test.each(["terminate", "drop-newest", "drop-oldest", "latest"] as const)(
    'leaves nothing in the budget, and counters that add up, under "%s"',
    async (sendQueuePolicy) => {
      for (const size of [10, MAX_COPIED + 1, 100_000]) {
        const stream = new ActiveWire({ highWaterMark: 1 });
        const limitCounters = zeroCounters(connectionLimitNames);
        const session = new Session({}, { stream, sendQueuePolicy, limitCounters, maxSendQueue: 5 });
        await turns();
        stream.act = () => stream.emit("close");
        const { connection } = session;
        for (let i = 0; i < 4; i++) connection.send(outgoing(fill(i, size)));
        await turns();
        expect(sendBudget.total).toBe(0);
        const { accepted, written, dropped, pending } = connection.counters;
        expect([written + dropped, pending]).toEqual([accepted, 0]);
        expect(connection.status).toBe("Closed");
      }
    },
  );
});

describe("a stream that reads in the middle of a write", () => {
  test("gets no message after the close frame that this reading causes", async () => {
    const stream = new ActiveWire({ highWaterMark: 1 });
    const session = new Session({ message: (ws) => ws.close(1000) }, { stream, maxSendQueue: 20 });
    await turns();
    stream.act = () => void stream.push(text("stop"));
    session.connection.send(outgoing("x".repeat(30)));
    session.connection.send(outgoing("late"));
    await turns();
    expect(came(session)).toEqual(["x".repeat(30), "close 1000"]);
    expect(session.connection.counters).toMatchObject({ accepted: 2, written: 1, dropped: 1, pending: 0 });
  });

  test("gets none after it either when a Blob is read before both", async () => {
    const stream = new ActiveWire({ highWaterMark: 1 });
    const session = new Session({ message: (ws) => ws.close(1000) }, { stream, maxSendQueue: 50 });
    await turns();
    const blob = new SlowBlob("blob");
    session.connection.send(outgoing("x".repeat(100)));
    session.connection.send(outgoing(blob));
    stream.act = () => void stream.push(text("stop"));
    session.connection.send(outgoing("late"));
    await turns();
    blob.read();
    await turns();
    expect(came(session).at(-1)).toMatch(/^close/);
    expect(session.connection.counters.pending).toBe(0);
  });

  test("reads each chunk once and in order, also when a handler is answering the chunk before", async () => {
    const stream = new ActiveWire({ highWaterMark: 1 });
    const session = new Session(
      {
        message: (ws, data) => {
          // The second message finds the first above the limit: it is written now, in the middle of this chunk.
          ws.send(outgoing(`echo ${data as string}`));
        },
      },
      { stream, maxSendQueue: 4, sendQueuePolicy: "drop-newest" },
    );
    await turns();
    const whole = Buffer.concat([text("5"), text("6")]);
    stream.act = () => {
      for (const chunk of [text("4"), whole.subarray(0, 9), whole.subarray(9)]) stream.push(chunk);
    };
    session.receive(text("1"), text("2"), text("3"));
    await turns();
    const messages = session.calls.flatMap(([name, data]) => (name === "message" ? [data] : [name]));
    expect(messages).toEqual(["open", "1", "2", "3", "4", "5", "6"]);
  });
});

/** A stream that changes what it is given, as one that encrypts in place does. */
class MutatingDuplex extends Duplex {
  readonly received: Buffer[] = [];

  override _read(): void {
    // Nothing arrives.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received.push(Buffer.from(chunk));
    chunk.fill(0xee);
    done();
  }
}

describe("streams that change the chunks they are given", () => {
  function mutating(): { session: Session; stream: MutatingDuplex } {
    const stream = new MutatingDuplex();
    return { session: new Session({}, { stream: stream as unknown as Wire }), stream };
  }

  test.each([
    ["a broadcast Blob", () => new SharedMessage(outgoing(new Blob([Uint8Array.from(fill(7, 20_000))])))],
    ["broadcast bytes", () => new SharedMessage(outgoing(fill(7, 20_000)))],
    ["the same bytes sent to each", () => outgoing(fill(7, 20_000))],
  ])("each get %s as it was", async (_what, make) => {
    const all = [mutating(), mutating(), mutating()];
    await turns();
    const message = make();
    for (const { session } of all) session.connection.send(message);
    for (const { stream } of all)
      await expect.poll(() => Buffer.concat(stream.received).subarray(-20_000)).toEqual(fill(7, 20_000));
  });

  test("each get broadcast bytes as they were, also after a Blob", async () => {
    const all = [mutating(), mutating()];
    await turns();
    const bytes = fill(7, 20_000);
    const message = new SharedMessage(outgoing(bytes));
    for (const { session } of all) {
      session.connection.send(outgoing(new Blob(["first"])));
      session.connection.send(message);
    }
    // The caller of `broadcast` may use its memory again at once.
    bytes.fill(1);
    for (const { stream } of all)
      await expect.poll(() => Buffer.concat(stream.received).subarray(-20_000)).toEqual(fill(7, 20_000));
  });
});

test("a broadcast after a Blob counts with its frame, as any other message does", async () => {
  const session = new Session();
  await turns();
  session.connection.send(outgoing(new SlowBlob("blob")));
  const before = session.connection.bufferedAmount;
  session.connection.send(new SharedMessage(outgoing("é".repeat(100))));
  expect([before, session.connection.bufferedAmount]).toEqual([2 + 4, 2 + 4 + 4 + 200]);
});
