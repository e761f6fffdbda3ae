import { describe, expect, test, vi } from "vitest";
import { SendResult } from "../../src/connection/sending/send-result.ts";
import { decoders } from "../support/decoders.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { fill, hex } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { Session, broken, close, deferred, ping, text } from "../support/session.ts";
import { Wire, turns } from "../support/wire.ts";
import { outgoing } from "../support/outgoing.ts";

const OPEN = ["open"];
const LOST = ["terminate", 1006, undefined, "Closed"];

function frame(opcode: number, payload: Uint8Array): Uint8Array {
  return asClient(encode({ opcode, payload }));
}

/** Whether the text of an error was sent. */
function wireSays(session: Session, words: string): boolean {
  return session.stream.taken.latin1Slice(0, session.stream.taken.length).includes(words);
}

describe("a peer that breaks the protocol", () => {
  // shows 6455-7.1.7-2, 6455-7.1.7-3, 4D-2-error, 4D-2-error-stops, 4D-2-terminate-1006
  test.each([
    ["a reserved bit", asClient(hex("c1 00")), "1002 reserved bits set", 101],
    ["a reserved opcode", broken, "1002 reserved opcode", 102],
    ["a frame that is not masked", hex("81 00"), "1002 frame not masked", 103],
    ["a continuation of nothing", asClient(hex("80 00")), "1002 continuation not expected", 109],
    ["a close frame of one byte", frame(8, hex("03")), "1002 close frame of one byte", 111],
    ["a close code that must not be sent", close(1006), "1002 invalid close code", 112],
    ["a text that is not UTF-8", frame(1, hex("ff")), "1007 invalid UTF-8", 113],
    ["a message that is too big", frame(2, fill(0, 101)), "1009 message too big", 114],
  ])(
    "by %s gets the code, onError and onTerminate come once, and nothing after it is delivered",
    async (_name, bytes, sent, errCode) => {
      const session = new Session(
        { message: (ws, data) => ws.send(outgoing(data as string)) },
        { maxMessageSize: 100 },
      );
      session.receive(text("a"), bytes, text("b"), ping("p"), close(1000));
      session.receive(text("c"));
      await turns();
      expect(session.connection.status).toBe("Closing");
      expect(session.stream.ended).toBe(true);
      session.stream.arriveEnd();
      await turns();
      expect(session.sent).toEqual([
        ["text", "a"],
        ["close", sent],
      ]);
      expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", errCode], LOST]);
      expect(session.told).toEqual(["left", "finished"]);
    },
  );

  test("and sends a close frame in the same chunk: the close frame is not read", async () => {
    const session = new Session();
    session.receive(broken, close(1000, "bye"));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 102], LOST]);
  });

  test("in bytes that came with the handshake is reported after onOpen", async () => {
    const session = new Session({}, { head: broken });
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 102], LOST]);
    expect(session.sent).toEqual([["close", "1002 reserved opcode"]]);
  });

  test("after our close frame: no second close frame, no onError, and the end", async () => {
    const session = new Session();
    session.connection.close(1000);
    session.receive(broken);
    await turns();
    session.stream.arriveEnd();
    await turns();
    expect(session.sent).toEqual([["close", "1000"]]);
    expect(session.calls).toEqual([OPEN, LOST]);
  });

  // shows 4D-2-throws-server
  test("is reported to the owner when the handler has no onError", async () => {
    const session = new Session({}, { without: ["onError"] });
    session.receive(broken);
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, LOST]);
    expect(session.told).toEqual([
      [expect.objectContaining({ code: "HWS_RESERVED_OPCODE" }), "library"],
      "left",
      "finished",
    ]);
  });

  test("while answers wait for a full stream: they are dropped for the close frame, between frames", async () => {
    const stream = new Wire({ highWaterMark: 100 });
    const session = new Session({}, { stream });
    await turns();
    stream.stick();
    session.connection.send(outgoing("x".repeat(200)));
    session.connection.send(outgoing(fill(7, 50_000)));
    session.connection.send(outgoing("waits"));
    await turns();
    session.receive(broken);
    stream.flow();
    await turns();
    expect(session.sent.map(([kind]) => kind)).toEqual(["text", "binary", "close"]);
  });
});

describe("a message that cannot be decoded", () => {
  // shows 4D-3-receive-not-json
  test("because it is not JSON fails the connection with 1007", async () => {
    const session = new Session({}, { decode: decoders.object });
    session.receive(text("{}"), text("{"), text("{}"));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", {}], ["error", 201], LOST]);
    expect(session.sent).toEqual([["close", "1007 invalid JSON"]]);
    // The text of the error, which quotes the message, is not sent.
    expect(wireSays(session, "{")).toBe(false);
  });

  // shows 4D-3-receive-not-json-keep
  test("because it is not JSON is dropped if the settings say so, and reported to the owner", async () => {
    const session = new Session({}, { decode: decoders.object, ignoresInvalidJson: true });
    session.receive(text("{"), text("[1]"));
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", [1]]]);
    expect(session.connection.status).toBe("Connected");
    expect(session.reported).toEqual([expect.objectContaining({ code: "HWS_INVALID_JSON" })]);
  });

  test("is parsed in its order: the messages before it are delivered, those after it are not", async () => {
    const busy = deferred();
    const session = new Session(
      { message: (_ws, data) => (data === "wait" ? busy.promise : undefined) },
      { decode: decoders.object },
    );
    session.receive(text('"wait"'), text("1"), text("{"), text("2"));
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "wait"]]);
    expect(session.connection.status).toBe("Connected");
    busy.resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "wait"], ["message", 1], ["error", 201]]);
    expect(session.sent).toEqual([["close", "1007 invalid JSON"]]);
  });

  test("whose peer has gone while it waited is reported, nothing after it is delivered, and no timer is left", async () => {
    const busy = deferred();
    const session = new Session(
      { message: (_ws, data) => (data === "wait" ? busy.promise : undefined) },
      { decode: decoders.object },
    );
    session.receive(text('"wait"'), text("{"), text("2"));
    session.stream.destroy();
    await turns();
    const timers = vi.spyOn(globalThis, "setTimeout");
    busy.resolve();
    await turns();
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
    expect(session.calls).toEqual([OPEN, ["message", "wait"], ["error", 201], LOST]);
  });

  // shows 4D-3-receive-text-binary
  test("because it is binary and not UTF-8 fails the connection with 1007, under any setting for JSON", async () => {
    const session = new Session({}, { decode: decoders.object, ignoresInvalidJson: true });
    session.receive(frame(2, hex("ff")), text("{}"));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 113], LOST]);
    expect(session.sent).toEqual([["close", "1007 invalid UTF-8"]]);
  });

  test("is not decoded after our close frame", async () => {
    const session = new Session({}, { decode: decoders.object });
    session.connection.close(1000);
    session.receive(text("{"), close(1000));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1000, undefined, "Closed"]]);
  });
});

test("an exception of the platform while a chunk is read ends this connection, and does not reach the process", async () => {
  const refused = new RangeError("Array buffer allocation failed");
  const session = new Session(
    {},
    {
      decode: {
        bytes: () => {
          throw refused;
        },
        textAsString: false,
        parse: undefined,
      },
    },
  );
  session.receive(text("a"), text("b"));
  session.stream.arriveEnd();
  await turns();
  expect(session.calls.map(([name]) => name)).toEqual(["open", "error", "terminate"]);
  expect(session.sent).toEqual([["close", "1011"]]);
});

describe("a lost connection", () => {
  // shows 4D-2-terminate-1006, 6455-7.1.5-3
  test("by an end without a close frame reports 1006, and no error", async () => {
    const session = new Session();
    session.receive(text("a"));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], LOST]);
    expect(session.sent).toEqual([]);
    expect(session.stream.ended).toBe(true);
  });

  test("by an end inside a frame reports 1006", async () => {
    const session = new Session();
    session.receive(text("hello").subarray(0, 8));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, LOST]);
  });

  test("by a reset reports the error with the system's number, then 1006", async () => {
    const seen: unknown[] = [];
    const session = new Session({ error: (_ws, event) => seen.push(event.errors) });
    session.stream.reset();
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 203], LOST]);
    expect(seen).toEqual([
      [
        expect.objectContaining({
          errCode: 203,
          componentSignature: "hwcn",
          cause: expect.any(HawserError) as unknown,
        }),
        expect.objectContaining({ errCode: 104, componentSignature: "syst", message: "read ECONNRESET" }),
      ],
    ]);
    expect(session.told).toEqual(["left", "finished"]);
  });

  test("by a stream that other code destroys reports 1006", async () => {
    const session = new Session();
    session.stream.destroy();
    await turns();
    expect(session.calls).toEqual([OPEN, LOST]);
  });

  test("by an error of a stream that does not destroy itself is closed too", async () => {
    const session = new Session({}, { stream: new Wire({ autoDestroy: false }) });
    session.stream.emit("error", new Error("odd"));
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 203], LOST]);
    expect(session.stream.destroyed).toBe(true);
  });

  test("between terminate and the answer reports 1006, and no error", async () => {
    const session = new Session();
    session.connection.close(1000);
    session.stream.reset();
    await turns();
    expect(session.calls).toEqual([OPEN, LOST]);
  });
});

describe("a handler that throws", () => {
  // shows 4D-2-throws, 4D-2-throws-wire
  test.each([
    ["in onMessage", "message", [OPEN, ["message", "a"], ["error", 301]]],
    ["in onOpen", "open", [OPEN, ["error", 301]]],
  ] as const)(
    "%s closes the connection with 1011, and the text of its error is not sent",
    async (_name, callback, calls) => {
      for (const fail of [
        () => {
          throw new Error("secret words");
        },
        () => Promise.reject(new Error("secret words")),
      ]) {
        const session = new Session({ [callback]: fail });
        session.receive(text("a"), text("b"));
        await turns();
        expect(session.sent).toEqual([["close", "1011"]]);
        session.receive(close(1011));
        session.stream.arriveEnd();
        await turns();
        expect(session.calls).toEqual([...calls, ["terminate", 1011, undefined, "Closed"]]);
        expect(wireSays(session, "secret")).toBe(false);
      }
    },
  );

  test("still has its earlier answers sent", async () => {
    const session = new Session({
      message: (ws, data) => {
        ws.send(outgoing(`re: ${String(data)}`));
        if (data === "b") throw new Error("oops");
      },
    });
    session.receive(text("a"), text("b"), text("c"));
    await turns();
    expect(session.sent).toEqual([
      ["text", "re: a"],
      ["text", "re: b"],
      ["close", "1011"],
    ]);
  });

  test("in the last message before the peer's close frame makes the answer 1011", async () => {
    const session = new Session({ message: () => Promise.reject(new Error("oops")) });
    session.receive(text("a"), close(1000, "bye"));
    session.stream.arriveEnd();
    await turns();
    expect(session.sent).toEqual([["close", "1011"]]);
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", 301], ["terminate", 1000, "bye", "Closed"]]);
  });

  test("after a protocol error is reported: onError is called once", async () => {
    const session = new Session({ message: () => turns(2).then(() => Promise.reject(new Error("late"))) });
    session.receive(text("a"), broken);
    session.stream.arriveEnd();
    await expect.poll(() => session.calls.at(-1)).toEqual(LOST);
    expect(session.calls.filter(([name]) => name === "error")).toHaveLength(1);
    expect(session.reported).toHaveLength(1);
    expect(session.told.at(-1)).toBe("finished");
  });
});

describe("a send queue that overflows", () => {
  /** A session whose peer stops reading. */
  async function stuck(react: ConstructorParameters<typeof Session>[0] = {}): Promise<Session> {
    const session = new Session(react, {
      stream: new Wire({ highWaterMark: 1 }),
      highWaterMark: 100,
      maxSendQueue: 1000,
    });
    await turns();
    session.stream.stick();
    return session;
  }

  test("fails the connection with 1013; waiting messages are dropped for the close frame", async () => {
    const session = await stuck();
    expect(session.connection.send(outgoing("in the stream"))).toBe(SendResult.accepted);
    await turns();
    for (const [sent, status] of [
      [SendResult.acceptedAndSlow, "Connected"],
      [SendResult.acceptedAndSlow, "Connected"],
      [SendResult.dropped, "Closing"],
    ]) {
      // The limit is on what waits before a message, so the third is too many.
      expect(session.connection.send(outgoing("x".repeat(600)))).toBe(sent);
      await turns();
      expect(session.connection.status).toBe(status);
    }
    expect(session.connection.bufferedAmount).toBeLessThan(100);
    session.stream.flow();
    await turns();
    expect(session.sent).toEqual([
      ["text", "in the stream"],
      ["close", "1013 reading too slowly"],
    ]);
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 202], LOST]);
  });

  // shows 4D-4-one-at-a-time
  test("inside a callback is reported when the callback has returned", async () => {
    const session = await stuck({
      message: (ws) => {
        for (let i = 0; i < 10; i++) ws.send(outgoing("x".repeat(200)));
      },
    });
    session.receive(text("a"), text("b"));
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", 202]]);
    session.stream.destroy();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", 202], LOST]);
  });

  test("inside an asynchronous callback is reported when its promise has settled", async () => {
    const session = await stuck({
      message: async (ws) => {
        ws.send(outgoing("x".repeat(2000)));
        ws.send(outgoing("one too many"));
        await turns();
      },
    });
    session.receive(text("a"));
    await turns(1);
    expect(session.calls).toEqual([OPEN, ["message", "a"]]);
    session.stream.destroy();
    await expect.poll(() => session.calls.length).toBe(4);
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", 202], LOST]);
  });

  test("does not overflow by one message alone, of any size", async () => {
    const session = new Session({}, { highWaterMark: 2000, maxSendQueue: 1000 });
    await turns();
    expect(session.connection.send(outgoing("x".repeat(1500)))).toBe(SendResult.acceptedAndSlow);
    await turns();
    expect(session.connection.send(outgoing("x".repeat(3000)))).toBe(SendResult.acceptedAndSlow);
    await turns();
    expect(session.connection.status).toBe("Connected");
    expect(session.sent.map(([kind]) => kind)).toEqual(["text", "text"]);
  });

  test("belongs to one connection: others go on", async () => {
    const slow = await stuck();
    const other = new Session();
    slow.connection.send(outgoing("x".repeat(2000)));
    slow.connection.send(outgoing("x".repeat(2000)));
    expect(slow.connection.status).toBe("Closing");
    other.connection.send(outgoing("fine"));
    await turns();
    expect(other.sent).toEqual([["text", "fine"]]);
    expect(other.connection.status).toBe("Connected");
  });
});

test("reports each end once and throws nothing, for any action in any callback", async () => {
  const acts = ["send", "blob", "terminate", "destroy", "throw", "reject", "overflow"] as const;
  const ends = ["close", "end", "reset", "break"] as const;
  for (const where of ["open", "message", "error", "terminate"] as const) {
    for (const act of acts) {
      for (const end of ends) {
        const session = new Session(
          { [where]: (ws: Session["connection"]) => perform(act, ws) },
          { maxSendQueue: 50_000, stream: new Wire({ highWaterMark: 10 }) },
        );
        session.receive(text("a"), text("b"));
        if (end === "close") session.receive(close(1000));
        if (end === "break") session.receive(broken);
        if (end === "reset") session.stream.reset();
        else session.stream.arriveEnd();
        await turns(8);
        const names = session.calls.map(([name]) => name);
        const told = `${where} ${act} ${end}: ${names.join(" ")}`;
        expect(
          names.filter((name) => name === "open"),
          told,
        ).toHaveLength(1);
        expect(
          names.filter((name) => name === "terminate"),
          told,
        ).toHaveLength(1);
        expect(names.filter((name) => name === "error").length, told).toBeLessThanOrEqual(1);
        expect(names.at(0), told).toBe("open");
        expect(names.at(-1), told).toBe("terminate");
        expect(names, told).not.toContain("overlap");
        expect(names.lastIndexOf("message") > names.indexOf("error") && names.includes("error"), told).toBe(false);
        expect(
          session.told.filter((entry) => typeof entry === "string"),
          told,
        ).toEqual(["left", "finished"]);
        // A close frame, if there is one, is the only one and the last.
        const closeFrame = session.sent.findIndex(([kind]) => kind === "close");
        expect([-1, session.sent.length - 1], told).toContain(closeFrame);
      }
    }
  }
});

function perform(act: string, ws: Session["connection"]): unknown {
  if (act === "send") return ws.send(outgoing("answer"));
  if (act === "blob") return ws.send(outgoing(new Blob(["blob"])));
  if (act === "overflow") return ws.send(outgoing("x".repeat(100_000)));
  if (act === "reject") return Promise.reject(new Error("rejected"));
  if (act === "throw") throw new Error("thrown");
  if (act === "destroy") ws.destroy();
  else ws.close(4000, "enough");
  return undefined;
}

describe("an error that cannot be inspected", () => {
  const revoked = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const unreadable = new Error("x");
  Object.defineProperty(unreadable, "message", {
    get: () => {
      throw new Error("no");
    },
  });

  test.each([
    ["a revoked proxy", revoked()],
    ["an error with a message that throws", unreadable],
    ["an error with a message that is a symbol", Object.assign(new Error("x"), { message: Symbol("s") })],
  ])("%s, thrown or as a rejection, is an error like any other", async (_name, thrown) => {
    for (const message of [
      () => {
        throw thrown as Error;
      },
      async () => {
        throw thrown as Error;
      },
    ]) {
      const session = new Session({ message });
      session.receive(text("a"), text("b"));
      await turns();
      expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", 301]]);
      expect(session.sent).toEqual([["close", "1011"]]);
      session.stream.destroy();
      await turns();
      expect(session.calls.at(-1)).toEqual(LOST);
    }
  });

  test("a promise whose own then throws is a rejection", async () => {
    const promise = Object.assign(Promise.resolve(), {
      then: () => {
        throw new Error("no");
      },
    });
    const session = new Session({ message: () => promise });
    session.receive(text("a"));
    await turns();
    session.stream.destroy();
    await turns();
    // The session cannot await such a promise.
    expect(session.calls.filter(([kind]) => kind !== "overlap")).toEqual([
      OPEN,
      ["message", "a"],
      ["error", 301],
      LOST,
    ]);
  });

  test("a thenable that rejects three times is reported once", async () => {
    const session = new Session({
      message: () => ({
        then: (_settle: unknown, reject: (error: Error) => void) => {
          for (let i = 0; i < 3; i++) reject(new Error(String(i)));
        },
      }),
    });
    session.receive(text("a"));
    await turns();
    session.stream.destroy();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", 301], LOST]);
    expect(session.reported).toEqual([]);
  });
});

describe("a message of any size", () => {
  test("is sent when nothing waits before it, with any characters", async () => {
    const session = new Session({}, { maxSendQueue: 1000, highWaterMark: 1000 });
    await turns();
    expect(session.connection.send(outgoing("\u6f22".repeat(2000)))).toBe(SendResult.acceptedAndSlow);
    await turns();
    expect(session.connection.status).toBe("Connected");
    expect(session.sent.map(([kind]) => kind)).toEqual(["text"]);
  });
});

describe("a handler whose promise never settles", () => {
  test("does not keep a stream whose peer has closed", async () => {
    const session = new Session({ message: () => new Promise(() => undefined) }, { closeTimeout: 1 });
    session.receive(text("a"), close(1000));
    session.stream.arriveEnd();
    await expect.poll(() => session.connection.status).toBe("Closed");
    expect(session.told).toEqual(["left"]);
    session.connection.destroy();
    // The queue is forced: it does not wait for the promise.
    expect(session.calls).toEqual([
      OPEN,
      ["message", "a"],
      ["overlap", "message", "terminate"],
      ["terminate", 1000, undefined, "Closed"],
    ]);
  });

  test("stops reading within the turn after one chunk more", () => {
    const session = new Session({ message: () => new Promise(() => undefined) });
    const [short, long] = [text("a"), text("x".repeat(70_000))];
    session.connection.onData(asBytes(Buffer.from(short)), short.length, false);
    expect(session.stream.isPaused()).toBe(false);
    session.connection.onData(asBytes(Buffer.from(long)), long.length, false);
    expect(session.stream.isPaused()).toBe(true);
  });
});

describe("bytes after a Blob", () => {
  test("may be changed by the caller when send returns", async () => {
    const session = new Session();
    const bytes = Buffer.from("mine");
    session.connection.send(outgoing(new Blob(["first"])));
    session.connection.send(outgoing(asBytes(bytes)));
    bytes.fill(0);
    await expect.poll(() => session.sent.length).toBe(2);
    expect(session.sent[1]).toEqual(["binary", Buffer.from("mine").toString("hex")]);
  });
});
