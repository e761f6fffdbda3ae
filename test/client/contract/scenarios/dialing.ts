import { Log, type Scenarios, failureOf, same } from "../scenario.ts";

/** Dials that fail, are given up, or ask the application. */
export const dialing: Scenarios = {
  "a refused client without reconnect ends with an error": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start([{ refuse: 403 }]), log);
    const { code, initiator } = await ws.closed;
    same([code, initiator, log.lines.length], [1006, "network", 2]);
    same(log.lines[0]?.startsWith("error HWS_"), true);
  },

  "the status of a refusal is told": async ({ WebSocket, script }) => {
    const refused = await WebSocket.connect(await script.start([{ refuse: 403 }])).catch((error: unknown) => error);
    same((refused as { status?: number }).status, 403);
  },

  "the headers of the option go out": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start(), {}, { headers: { "X-Test": "yes" } });
    same((await script.dial(1)).headers["x-test"], "yes");
    ws.terminate();
    await ws.closed;
  },

  "connect resolves when onOpen has settled": async ({ WebSocket, script }) => {
    const log = new Log({ onOpen: async () => log.note("settled") });
    const ws = await WebSocket.connect(await script.start(), log);
    same([log.lines, ws.status], [["open", "settled"], "Connected"]);
    ws.terminate();
    await ws.closed;
  },

  "connect rejects with what ended the client": async ({ WebSocket, script }) => {
    const code = await failureOf(WebSocket.connect(await script.start([{ refuse: 403 }])));
    same(["HWS_CONNECT_FAILED", "HWS_REFUSED"].includes(String(code)), true);
  },

  "a server that never answers is given up after handshakeTimeout": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start([{ stall: true }]), log, { handshakeTimeout: 100 });
    await ws.closed;
    same(log.lines, ["error HWS_CONNECT_TIMEOUT", "terminate 1006 network HWS_CONNECT_TIMEOUT"]);
  },

  "terminate during a dial ends at once, without an error": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start([{ stall: true }]), log);
    await script.dial(1);
    ws.terminate();
    await ws.closed;
    same(log.lines, ["terminate 1005 local"]);
  },

  "terminate before the first dial dials nothing": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log);
    ws.terminate();
    await ws.closed;
    const later = new WebSocket(await script.start(), log);
    await Promise.resolve();
    later.terminate();
    await later.closed;
    same([log.lines, await script.dials()], [["terminate 1005 local", "terminate 1005 local"], 0]);
  },

  "connect rejects with the reason of the signal": async ({ WebSocket, script }) => {
    const controller = new AbortController();
    const connecting = WebSocket.connect(await script.start([{ stall: true }]), {}, { signal: controller.signal });
    await script.dial(1);
    controller.abort(new Error("mine"));
    same(await failureOf(connecting), "mine");
  },

  "a signal that has aborted dials nothing, and its reason is told": async ({ WebSocket, script }) => {
    const log = new Log();
    const ws = new WebSocket(await script.start(), log, { signal: AbortSignal.abort(new Error("mine")) });
    await ws.closed;
    same(log.lines, ["error HWS_ABORTED", "terminate 1005 local HWS_ABORTED"]);
    same(await script.dials(), 0);
  },

  "a signal that aborts ends a dial, and an open connection with 1000": async ({ WebSocket, script }) => {
    const url = await script.start([{ stall: true }]);
    const [first, second] = [new AbortController(), new AbortController()];
    const log = new Log();
    const dialing = new WebSocket(url, log, { signal: first.signal });
    await script.dial(1);
    first.abort();
    await dialing.closed;
    const open = new WebSocket(url, log, { signal: second.signal });
    await log.has("open");
    second.abort();
    await open.closed;
    same(log.lines, ["error HWS_ABORTED", "terminate 1005 local HWS_ABORTED", "open", "terminate 1000 local"]);
    same(await script.ended(1), 1000);
  },

  "the function of the URL is asked before every dial": async ({ WebSocket, script }) => {
    const url = await script.start();
    const asked: unknown[] = [];
    const log = new Log();
    const ws = new WebSocket(
      (dial) => {
        asked.push([dial.attempt, dial.url]);
        return `${url}dial-${String(asked.length)}`;
      },
      log,
      { reconnect: true },
    );
    await log.has("open");
    await script.close(1, 1012, "retry-after=0");
    await log.has("open again");
    same(asked, [
      [0, undefined],
      [1, `${url}dial-1`],
    ]);
    same([(await script.dial(1)).path, (await script.dial(2)).path], ["/dial-1", "/dial-2"]);
    ws.terminate();
    await ws.closed;
  },

  "a function of the URL that throws is a dial that failed": async ({ WebSocket }) => {
    const log = new Log();
    const ws = new WebSocket(() => {
      throw new Error("mine");
    }, log);
    await ws.closed;
    same(log.lines, ["error HWS_CONNECT_FAILED", "terminate 1006 network HWS_CONNECT_FAILED"]);
  },

  "the subprotocol that the server chooses is told": async ({ WebSocket, script }) => {
    const url = await script.start([{ protocol: "b" }]);
    const ws = await WebSocket.connect(url, {}, { protocols: ["a", "b"] });
    same([(await script.dial(1)).protocols.replaceAll(" ", ""), ws.protocol], ["a,b", "b"]);
    ws.terminate();
    await ws.closed;
  },

  "a subprotocol that was not offered fails the dial": async ({ WebSocket, script }) => {
    const url = await script.start([{ protocol: "c" }]);
    const code = await failureOf(WebSocket.connect(url, {}, { protocols: ["a", "b"] }));
    same(["HWS_CONNECT_FAILED", "HWS_BAD_HANDSHAKE"].includes(String(code)), true);
  },

  "wrong arguments throw, and nothing is dialed": async ({ WebSocket, script }) => {
    const url = await script.start();
    const wrong = [
      () => new WebSocket(`${url}#fragment`),
      () => new WebSocket("ftp://host/"),
      () => new WebSocket(url, {}, { dataTyp: "text" } as object),
      () => new WebSocket(url, {}, { protocols: ["a", "a"] }),
      () => new WebSocket(url, {}, { reconnect: { retryCodes: [1] } }),
      () => new WebSocket(url, { onOpen: 1 } as object),
      () => new WebSocket(url, { dataType: "blob" }, { dataType: "text" } as object),
    ];
    for (const make of wrong) same(await failureOf(make), "HWS_INVALID_ARGUMENT");
    same(await failureOf(() => new WebSocket(url, {}, { maxMessageSize: 0 })), "HWS_OUT_OF_RANGE");
    same(await script.dials(), 0);
  },
};
