import { type Client, Log, type Scenarios, gate, same, turn } from "../scenario.ts";

/** The order of the callbacks of one connection, and how it ends. */
export const ordering: Scenarios = {
  "the callbacks come in order, and what came with the handshake after onOpen": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start([{ send: ["a", "b"] }]), log);
    await log.has("message b");
    await script.send(1, "c");
    await script.close(1, 1000, "bye");
    same(await ws.closed, { type: "terminate", code: 1000, reason: "bye", initiator: "peer", cause: undefined });
    same(log.lines, ["open", "message a", "message b", "message c", "terminate 1000 peer"]);
  },

  "nothing is called back before the constructor has returned": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    same([log.lines, ws.status], [[], "Connecting"]);
    await log.has("open");
    ws.terminate();
    await ws.closed;
  },

  "messages wait until the promise of onOpen has settled": async ({ WebSocket, script }) => {
    const { opened, open } = gate();
    const log = new Log({ onOpen: () => opened });
    const ws = new WebSocket(await script.start([{ send: ["a"] }]), log);
    await log.has("open");
    ws.send("sent while onOpen waits");
    await script.received(1, 1);
    await turn();
    same(log.lines, ["open"]);
    open();
    await log.has("message a");
    ws.terminate();
    await ws.closed;
  },

  "callbacks are called one at a time, and what came before the close is delivered before onTerminate": async ({
    WebSocket,
    script,
  }) => {
    const { opened, open } = gate();
    let running = 0;
    const log = new Log({
      async onMessage() {
        log.note(`running ${String(++running)}`);
        await opened;
        running--;
      },
    });
    const ws = new WebSocket(await script.start([{ send: ["a", "b"] }]), log);
    await log.has("message a");
    await script.close(1, 1000);
    await turn();
    same(log.lines, ["open", "message a", "running 1"]);
    open();
    await ws.closed;
    same(log.lines, ["open", "message a", "running 1", "message b", "running 1", "terminate 1000 peer"]);
  },

  "status tells the truth in each callback": async ({ WebSocket, script }) => {
    const seen: string[] = [];
    const note = (ws: Client): void => void seen.push(ws.status);
    const log = new Log({ onOpen: note, onMessage: note, onTerminate: note });
    const ws = new WebSocket(await script.start([{ send: ["a"] }]), log);
    await log.has("message a");
    ws.terminate();
    same(ws.status, "Closing");
    await ws.closed;
    same([...seen, ws.status], ["Connected", "Connected", "Closed", "Closed"]);
  },

  "a handler that throws after the connection has ended is told of before onTerminate": async ({
    WebSocket,
    script,
  }) => {
    const { opened, open } = gate();
    const log = new Log({
      onMessage: async () => {
        await opened;
        throw new Error("mine");
      },
    });
    const ws = new WebSocket(await script.start([{ send: ["a"] }]), log);
    await log.has("message a");
    await script.close(1, 1000);
    await turn();
    open();
    await ws.closed;
    same(log.lines.slice(0, -1), ["open", "message a", "error mine"]);
  },

  "a close without a code is 1005": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    await script.close(1);
    await ws.closed;
    same(log.lines, ["open", "terminate 1005 peer"]);
  },

  "a connection that breaks is 1006 by the network": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    await log.has("open");
    await script.die(1);
    await ws.closed;
    same(log.lines, ["open", "terminate 1006 network HWS_STREAM_ENDED"]);
  },

  "terminate sends its code and reason, and a second call does nothing": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    await log.has("open");
    ws.terminate(3001, "enough");
    ws.terminate(3002, "again");
    ws.reconnect();
    same([await script.ended(1), (await ws.closed).initiator], [3001, "local"]);
    ws.terminate(3003);
    ws.destroy();
    ws.reconnect();
    await turn();
    same([ws.status, await script.dials(), log.lines.length], ["Closed", 1, 2]);
  },

  "terminate without a code is 1000": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    await log.has("open");
    ws.terminate();
    same([await script.ended(1), (await ws.closed).code], [1000, 1000]);
  },

  "after terminate in onMessage no further message is delivered": async ({ WebSocket, script }) => {
    const log = new Log({ onMessage: (ws: Client) => ws.terminate() });
    const ws = new WebSocket(await script.start([{ send: ["a", "b", "c"] }]), log);
    await ws.closed;
    same(log.lines, ["open", "message a", "terminate 1000 local"]);
  },

  "after terminate no message is delivered that waited for a callback": async ({ WebSocket, script }) => {
    const { opened, open } = gate();
    const log = new Log({ onMessage: () => opened });
    const ws = new WebSocket(await script.start([{ send: ["a", "b", "c"] }]), log);
    await log.has("message a");
    ws.terminate();
    await script.ended(1);
    await turn();
    open();
    await ws.closed;
    same(log.lines, ["open", "message a", "terminate 1000 local"]);
  },

  "destroy ends at once": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    await log.has("open");
    ws.destroy();
    await ws.closed;
    same(log.lines, ["open", "terminate 1006 local"]);
  },

  "a server that does not answer the close is waited for no longer than closeTimeout": async ({
    WebSocket,
    script,
  }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { closeTimeout: 100 });
    await log.has("open");
    await script.pause(1);
    ws.terminate();
    await ws.closed;
    same(log.lines, ["open", "terminate 1006 local HWS_CLOSE_TIMEOUT"]);
  },

  "a callback that never settles does not hold back the end longer than closeTimeout": async ({
    WebSocket,
    script,
  }) => {
    const log = new Log({ onMessage: () => new Promise(() => undefined) });
    const ws = new WebSocket(await script.start([{ send: ["a"] }]), log, { closeTimeout: 100 });
    await log.has("message a");
    ws.terminate();
    await ws.closed;
    same(log.lines, ["open", "message a", "terminate 1000 local"]);
  },

  "ws.signal aborts when the client ends": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start());
    same(ws.signal.aborted, false);
    await script.close(1, 1000);
    await ws.closed;
    same(ws.signal.aborted, true);
  },
};
