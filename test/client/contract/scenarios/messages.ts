import { Log, type Scenarios, type Stage, failureOf, gate, same, until } from "../scenario.ts";
import type { Script } from "../script.ts";

const KIB = 1024;

/** The code that the server gets for a failure: in a page 4009 in place of 1009. */
async function failureCode(script: Script): Promise<number> {
  const code = await script.ended(1);
  return code >= 4000 ? code - 3000 : code;
}

/** A log that wants each message as a whole, and says so when it begins. */
class StartLog extends Log {
  onMessageStart(): undefined {
    return undefined;
  }
}

/** The first message keeps the handler busy. Then connection after connection brings 50 KB, and is lost. */
async function loseWhileBusy({ WebSocket, script }: Stage, Handler: typeof Log): Promise<void> {
  const { opened, open } = gate();
  const log = new Handler({ onMessage: () => opened });
  const options = { maxReceiveQueue: 300_000, reconnect: { baseDelay: 1, maxDelay: 1 } };
  const ws = new WebSocket(await script.start(), log, options);
  const lose = async (connection: number): Promise<void> => {
    await script.send(connection, "x".repeat(50_000));
    await script.die(connection);
  };
  const closed = until(() => ws.status === "Closed");
  for (let connection = 1; connection <= 12 && ws.status !== "Closed"; connection++)
    await Promise.race([lose(connection), closed]);
  same(ws.status, "Closed");
  open();
  await ws.closed;
  same(log.lines.at(-2), "error HWS_RECEIVE_QUEUE_FULL");
}

/** What is received and sent, and what fails on the way. */
export const messages: Scenarios = {
  "each dataType gives texts and bytes as its type": async ({ WebSocket, script }) => {
    const url = await script.start();
    const [text, bytes] = ['{"a":1}', [...new TextEncoder().encode('{"a":1}')]];
    const asBytes = JSON.stringify({ bytes });
    const expected = { text: [text, text], blob: [asBytes, asBytes], object: [text, text], auto: [text, asBytes] };
    let connection = 0;
    for (const dataType of ["text", "blob", "object", "auto"] as const) {
      const log = new Log();
      const ws = await WebSocket.connect(url, log, { dataType });
      await script.send(++connection, text);
      await script.send(connection, bytes);
      await log.count(3);
      same([dataType, ...log.lines], [dataType, "open", ...expected[dataType].map((one) => `message ${one}`)]);
      ws.terminate();
      await ws.closed;
    }
  },

  "every kind of message is sent as what it is": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start());
    const memory = new Uint8Array([0, 1, 2, 3]);
    ws.send("é");
    ws.send(memory.subarray(1, 3));
    ws.send(memory.buffer);
    ws.send(new DataView(memory.buffer, 3));
    ws.send(new Blob(["blob"]));
    ws.send({ a: [1, "é"] });
    ws.send("");
    const blob = [...new TextEncoder().encode("blob")];
    same(await script.received(1, 7), ["é", [1, 2], [0, 1, 2, 3], [3], blob, '{"a":[1,"é"]}', ""]);
    same(ws.counters, { accepted: 7, written: 7, dropped: 0, pending: 0 });
    ws.terminate();
    await ws.closed;
  },

  "what cannot be sent throws, whatever the state": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start());
    const send = ws.send.bind(ws) as (message: unknown, options?: unknown) => boolean;
    const tries = async (): Promise<void> => {
      for (const message of [1, undefined, null, () => 1, new Map(), Promise.resolve(1)])
        same(await failureOf(() => send(message)), "HWS_INVALID_ARGUMENT");
      same(await failureOf(() => send("a", 1)), "HWS_INVALID_ARGUMENT");
    };
    await tries();
    ws.terminate();
    await ws.closed;
    await tries();
    same(ws.counters, { accepted: 0, written: 0, dropped: 0, pending: 0 });
  },

  "a message that is too big ends it with 1009": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { maxMessageSize: 10 });
    await script.send(1, "x".repeat(10));
    await script.send(1, "x".repeat(11));
    await script.send(1, "ignored");
    same(await failureCode(script), 1009);
    await ws.closed;
    same(log.lines, [
      "open",
      `message ${"x".repeat(10)}`,
      "error HWS_MESSAGE_TOO_BIG",
      "terminate 1006 local HWS_MESSAGE_TOO_BIG",
    ]);
  },

  "a text that is not JSON ends it with 1007": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { dataType: "object" });
    await script.send(1, "{");
    same(await failureCode(script), 1007);
    await ws.closed;
    same(log.lines, ["open", "error HWS_INVALID_JSON", "terminate 1006 local HWS_INVALID_JSON"]);
  },

  "JSON that is too deep ends it with 1009": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { dataType: "object", maxJsonDepth: 2 });
    await script.send(1, "[[[1]]]");
    same(await failureCode(script), 1009);
    await ws.closed;
    same(log.lines, ["open", "error HWS_JSON_TOO_DEEP", "terminate 1006 local HWS_JSON_TOO_DEEP"]);
  },

  "bytes that are not UTF-8 end it with 1007 where a text is expected": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    await script.send(1, [0xff]);
    same(await failureCode(script), 1007);
    await ws.closed;
    same(log.lines, ["open", "error HWS_INVALID_UTF8", "terminate 1006 local HWS_INVALID_UTF8"]);
  },

  "JSON has no key through which a prototype is reached": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { dataType: "object" });
    await script.send(1, '{"__proto__":{"x":1},"constructor":{"prototype":{}},"a":1}');
    await log.has('message {"a":1}');
    ws.terminate();
    await ws.closed;
  },

  "a handler that throws ends it with 1011, and is not reconnected": async ({ WebSocket, script }) => {
    for (const [number, reaction] of [
      { onMessage: () => { throw new Error("mine"); } }, // prettier-ignore
      { onMessage: () => Promise.reject(new Error("mine")) },
      { onOpen: () => { throw new Error("mine"); } }, // prettier-ignore
    ].entries()) {
      const log = new Log(reaction);
      const url = await script.start([{ send: ["a"] }]);
      const ws = new WebSocket(url, log, { reconnect: true });
      await ws.closed;
      const code = await script.ended(number + 1);
      same(
        [code === 1011 || code === 4011, log.lines.slice(-2)],
        [true, ["error mine", "terminate 1011 local HWS_HANDLER_FAILED"]],
      );
    }
  },

  "a slow server: send returns false, drained waits, and all arrives": async ({ WebSocket, script }) => {
    const log = new Log();
    const options = { highWaterMark: 64 * KIB, maxSendQueue: Infinity };
    const ws = new WebSocket(await script.start(), log, options);
    await log.has("open");
    await script.pause(1);
    // More than the system takes of what the server does not read.
    const sent = 128;
    const chunk = new Uint8Array(256 * KIB);
    const results = Array.from({ length: sent }, () => ws.send(chunk));
    same([ws.bufferedAmount > 64 * KIB, results.at(-1)], [true, false]);
    let isDrained = false;
    const drained = ws.drained().then((value) => {
      isDrained = true;
      return value;
    });
    await script.dials();
    same([isDrained, ws.counters.pending > 0], [false, true]);
    await script.resume(1);
    same(await drained, true);
    await log.has("drain");
    await script.receivedBytes(1, sent * chunk.length);
    await until(() => ws.counters.pending === 0);
    same(ws.counters, { accepted: sent, written: sent, dropped: 0, pending: 0 });
    ws.terminate();
    await ws.closed;
  },

  "a round trip is measured, and the answer of a probe is not delivered": async ({ WebSocket, script }) => {
    const log = new Log();
    const probe = { request: "ping?", response: "pong!" };
    const ws = new WebSocket(await script.start([{ answers: ["ping?", "pong!"] }]), log, { probe });
    same(await ws.ping(), undefined);
    await log.has("open");
    same(Number(await ws.ping()) >= 0, true);
    await script.send(1, "real");
    await log.has("message real");
    ws.terminate();
    await ws.closed;
    same([await ws.ping(), log.lines], [undefined, ["open", "message real", "terminate 1000 local"]]);
  },

  "a server that does not answer the probe is lost": async ({ WebSocket, script }) => {
    const log = new Log();
    const probe = { request: "ping?", response: "pong!", every: 20, timeout: 50 };
    const ws = new WebSocket(await script.start(), log, { probe });
    await ws.closed;
    same(log.lines, ["open", "terminate 1006 network HWS_PEER_SILENT"]);
  },

  "a handler that is too slow for maxReceiveQueue ends it with 1013": async ({ WebSocket, script }) => {
    const { opened, open } = gate();
    const log = new Log({ onMessage: () => opened });
    const ws = new WebSocket(await script.start(), log, { maxReceiveQueue: 100 });
    for (let n = 0; n < 3; n++) await script.send(1, "x".repeat(60));
    same(await failureCode(script), 1013);
    open();
    await ws.closed;
    same(log.lines.slice(-2), ["error HWS_RECEIVE_QUEUE_FULL", "terminate 1006 local HWS_RECEIVE_QUEUE_FULL"]);
  },

  "what waits for a busy handler on connections that were lost has the limit maxReceiveQueue": (stage) =>
    loseWhileBusy(stage, Log),

  "what waits for a busy handler with onMessageStart has the limit maxReceiveQueue too": (stage) =>
    loseWhileBusy(stage, StartLog),
};
