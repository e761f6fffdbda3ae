import { type Client, Log, ReconnectedLog, type Scenarios, gate, same, turn, until } from "../scenario.ts";

/** What happens after a loss. */
export const reconnecting: Scenarios = {
  "after 1012 it dials again when the server said": async ({ WebSocket, script }) => {
    const delays: number[] = [];
    const log = new ReconnectedLog({
      onReconnecting: (_ws: Client, e: { delay: number }) => void delays.push(e.delay),
    });
    const ws = new WebSocket(await script.start(), log, { reconnect: { baseDelay: 60_000, maxDelay: 60_000 } });
    await log.has("open");
    await script.close(1, 1012, "retry-after=0");
    await log.has("reconnected after 1");
    await script.send(2, "again");
    await log.has("message again");
    ws.terminate();
    await ws.closed;
    same(log.lines, [
      "open",
      "reconnecting 1012 attempt 1",
      "reconnected after 1",
      "message again",
      "terminate 1000 local",
    ]);
    same(delays.length === 1 && delays[0]! <= 1_000, true);
  },

  "after 1001 it dials again, and onOpen is called again where there is no onReconnected": async ({
    WebSocket,
    script,
  }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { reconnect: true });
    await log.has("open");
    await script.close(1, 1001, "retry-after=0");
    await log.has("open again");
    ws.terminate();
    await ws.closed;
    same(log.lines, ["open", "reconnecting 1001 attempt 1", "open again", "terminate 1000 local"]);
  },

  "a lost connection is dialed again": async ({ WebSocket, script }) => {
    const log = new ReconnectedLog();
    const ws = new WebSocket(await script.start(), log, { reconnect: { baseDelay: 1, maxDelay: 1 } });
    await log.has("open");
    await script.die(1);
    await log.has("reconnected after 1");
    ws.terminate();
    await ws.closed;
    same(log.lines, ["open", "reconnecting 1006 attempt 1", "reconnected after 1", "terminate 1000 local"]);
  },

  "a server that refuses with 503 and then accepts is reached": async ({ WebSocket, script }) => {
    const log = new Log();
    const url = await script.start([{ refuse: 503 }, { refuse: 503 }]);
    const ws = new WebSocket(url, log, { reconnect: { baseDelay: 1, maxDelay: 1 } });
    await log.has("open");
    ws.terminate();
    await ws.closed;
    same(log.lines, ["reconnecting 1006 attempt 1", "reconnecting 1006 attempt 2", "open", "terminate 1000 local"]);
  },

  "after maxAttempts failures in a row it gives up": async ({ WebSocket, script }) => {
    const log = new Log();
    const url = await script.start([{ refuse: 503 }, { refuse: 503 }, { refuse: 503 }]);
    const ws = new WebSocket(url, log, { reconnect: { baseDelay: 1, maxDelay: 1, maxAttempts: 1 } });
    await ws.closed;
    same(log.lines, ["reconnecting 1006 attempt 1", "error HWS_GAVE_UP", "terminate 1006 network HWS_GAVE_UP"]);
    same(await script.dials(), 2);
  },

  "the application's codes are final, unless the options say otherwise": async ({ WebSocket, script }) => {
    const url = await script.start();
    const final = new Log();
    const first = new WebSocket(url, final, { reconnect: true });
    await script.close(1, 4000, "no");
    await first.closed;
    same(final.lines, ["open", "terminate 4000 peer"]);
    const retried = new Log();
    const options = { baseDelay: 1, maxDelay: 1, retryCodes: [[4000, 4001]] as const };
    const second = new WebSocket(url, retried, { reconnect: options });
    await script.close(2, 4001);
    await retried.has("open again");
    second.terminate();
    await second.closed;
  },

  "retry decides in place of the table": async ({ WebSocket, script }) => {
    const losses: number[] = [];
    const log = new Log();
    const retry = ({ code }: { code: number }) => losses.push(code) < 2 && 1;
    const ws = new WebSocket(await script.start(), log, { reconnect: { retry } });
    await script.close(1, 4000);
    await log.has("open again");
    await script.close(2, 1012);
    await ws.closed;
    same([losses, log.lines.at(-1)], [[4000, 1012], "terminate 1012 peer"]);
  },

  "terminate while it waits ends with the code of the loss": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { reconnect: { baseDelay: 60_000 } });
    await script.close(1, 1012, "retry-after=60");
    await log.has("reconnecting 1012 attempt 1");
    same(ws.status, "Connecting");
    ws.terminate();
    await ws.closed;
    same(log.lines, ["open", "reconnecting 1012 attempt 1", "terminate 1012 local"]);
  },

  "an onReconnecting that throws ends it, also if the connection is there again": async ({ WebSocket, script }) => {
    const log = new Log({
      onReconnecting() {
        throw new Error("mine");
      },
    });
    const url = await script.start();
    const waits = new WebSocket(url, log, { reconnect: true });
    await script.close(1, 1012, "retry-after=60");
    await waits.closed;
    same(log.lines, ["open", "reconnecting 1012 attempt 1", "error mine", "terminate 1012 local"]);
    const { opened, open } = gate();
    const late = new Log({
      async onReconnecting() {
        await opened;
        throw new Error("mine");
      },
    });
    const ws = new WebSocket(url, late, { reconnect: { baseDelay: 1, maxDelay: 1 } });
    await script.close(2, 1012, "retry-after=0");
    await late.has("reconnecting 1012 attempt 1");
    // There is a connection again, which waits for the callback.
    await until(() => ws.send("there"));
    same(ws.status, "Connecting");
    open();
    same([(await ws.closed).code, late.lines.includes("error mine")], [1011, true]);
  },

  "terminate in onReconnecting ends it": async ({ WebSocket, script }) => {
    const log = new Log({ onReconnecting: (ws: Client) => ws.terminate() });
    const ws = new WebSocket(await script.start(), log, { reconnect: true });
    await script.close(1, 1012, "retry-after=0");
    await ws.closed;
    same([log.lines.at(-1), await script.dials()], ["terminate 1012 local", 1]);
  },

  "reconnect while it waits dials at once": async ({ WebSocket, script }) => {
    const log = new ReconnectedLog();
    const ws = new WebSocket(await script.start(), log, { reconnect: true });
    await script.close(1, 1012, "retry-after=300");
    await log.has("reconnecting 1012 attempt 1");
    ws.reconnect();
    await log.has("reconnected after 1");
    ws.terminate();
    await ws.closed;
  },

  "reconnect of an open connection closes it with 1000 and dials again, without onTerminate": async ({
    WebSocket,
    script,
  }) => {
    const log = new ReconnectedLog();
    const ws = new WebSocket(await script.start(), log, { reconnect: true });
    await log.has("open");
    ws.reconnect();
    await log.has("reconnected after 1");
    same(await script.ended(1), 1000);
    same(log.lines, ["open", "reconnecting 1000 attempt 0", "reconnected after 1"]);
    ws.terminate();
    await ws.closed;
  },

  "onReconnecting waits for the messages that came before the loss, the dial does not": async ({
    WebSocket,
    script,
  }) => {
    const { opened, open } = gate();
    const log = new ReconnectedLog({ onMessage: () => opened });
    const ws = new WebSocket(await script.start([{ send: ["a", "b"] }]), log, {
      reconnect: { baseDelay: 1, maxDelay: 1 },
    });
    await log.has("message a");
    await script.close(1, 1012, "retry-after=0");
    await script.dial(2);
    await turn();
    same(log.lines, ["open", "message a"]);
    open();
    await log.has("reconnected after 1");
    same(log.lines, ["open", "message a", "message b", "reconnecting 1012 attempt 1", "reconnected after 1"]);
    ws.terminate();
    await ws.closed;
  },

  "a handler that throws after the loss ends it": async ({ WebSocket, script }) => {
    const { opened, open } = gate();
    const log = new ReconnectedLog({
      onMessage: async () => {
        await opened;
        throw new Error("mine");
      },
    });
    const ws = new WebSocket(await script.start([{ send: ["a"] }]), log, { reconnect: { baseDelay: 60_000 } });
    await log.has("message a");
    await script.close(1, 1012, "retry-after=60");
    await turn();
    open();
    await ws.closed;
    same(log.lines.includes("error mine"), true);
    same(await script.dials(), 1);
  },

  "by default a message that is sent while away is refused, and counted": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { reconnect: true });
    same(ws.send("early"), false);
    await log.has("open");
    same(ws.send("now"), true);
    same(await script.received(1, 1), ["now"]);
    same(ws.counters, { accepted: 2, written: 1, dropped: 1, pending: 0 });
    ws.terminate();
    same(ws.send("closing"), false);
    await ws.closed;
    same(ws.send("late"), false);
  },

  "what waits goes out in order, after what onOpen and onReconnected send": async ({ WebSocket, script }) => {
    const log = new ReconnectedLog({
      async onOpen(ws: Client) {
        await turn();
        ws.send("hello");
      },
      async onReconnected(ws: Client) {
        await turn();
        ws.send("hello again");
      },
    });
    const ws = new WebSocket(await script.start(), log, { reconnect: { whileAway: "queue" } });
    same([ws.send("one"), ws.send({ two: 2 }), ws.send(new Uint8Array([3]))], [true, true, true]);
    same(await script.received(1, 4), ["hello", "one", '{"two":2}', [3]]);
    await script.close(1, 1012, "retry-after=0");
    await log.has("reconnecting 1012 attempt 1");
    for (let n = 1; n <= 50; n++) ws.send(String(n));
    const numbers = Array.from({ length: 50 }, (_, n) => String(n + 1));
    same(await script.received(2, 51), ["hello again", ...numbers]);
    ws.terminate();
    await ws.closed;
    same(ws.counters, { accepted: 55, written: 55, dropped: 0, pending: 0 });
  },

  "what waits when the client ends is dropped, and counted": async ({ WebSocket, script }) => {
    const url = await script.start([{ stall: true }]);
    const ws = new WebSocket(url, new Log(), { reconnect: { whileAway: "queue" } });
    ws.send("one");
    ws.send("two");
    same(ws.counters, { accepted: 2, written: 0, dropped: 0, pending: 2 });
    const drained = ws.drained();
    ws.terminate();
    await ws.closed;
    same([await drained, ws.counters], [false, { accepted: 2, written: 0, dropped: 2, pending: 0 }]);
  },

  "a failure of ours is never retried": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { reconnect: true, maxMessageSize: 10 });
    await log.has("open");
    await script.send(1, "x".repeat(11));
    await ws.closed;
    same(log.lines, ["open", "error HWS_MESSAGE_TOO_BIG", "terminate 1006 local HWS_MESSAGE_TOO_BIG"]);
    same(await script.dials(), 1);
  },
};
