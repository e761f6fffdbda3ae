import { Log, type Scenarios, failureOf, same, turn } from "../scenario.ts";

/** `for await` and `await using`. */
export const iteration: Scenarios = {
  "the loop gets all messages, and ends with an orderly close": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start([{ send: ["a", "b"] }]));
    await script.send(1, "c");
    await script.close(1, 1000);
    const got: string[] = [];
    for await (const data of ws) got.push(data);
    same(got, ["a", "b", "c"]);
    same(await ws.next(), { done: true, value: undefined });
  },

  "the loop throws what ended the client": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start([{ send: ["a"] }]));
    same(await ws.next(), { done: false, value: "a" });
    const next = failureOf(ws.next());
    await script.die(1);
    same(await next, "HWS_STREAM_ENDED");
    same(await ws.next(), { done: true, value: undefined });
  },

  "leaving the loop ends the client with 1000": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start([{ send: ["a", "b", "c"] }]));
    for await (const data of ws) if (data === "a") break;
    same([ws.status, await script.ended(1), (await ws.closed).code], ["Closed", 1000, 1000]);
  },

  "the loop goes on over a reconnect": async ({ WebSocket, script }) => {
    const url = await script.start([{ send: ["a"] }, { send: ["b"] }]);
    const ws = new WebSocket(url, {}, { reconnect: true });
    const got: string[] = [];
    for await (const data of ws) {
      got.push(data);
      if (data === "a") await script.close(1, 1012, "retry-after=0");
      else break;
    }
    same(got, ["a", "b"]);
  },

  "messages wait until somebody asks for them": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start([{ send: ["a", "b", "c"] }]));
    await turn();
    await turn();
    same(
      [await ws.next(), await ws.next(), await ws.next()].map(({ value }) => value),
      ["a", "b", "c"],
    );
    ws.terminate();
    await ws.closed;
  },

  "a handler with onMessage cannot be iterated": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start(), new Log());
    same(await failureOf(() => ws.next()), "HWS_INVALID_ARGUMENT");
    same(await failureOf(() => ws[Symbol.asyncIterator]()), "HWS_INVALID_ARGUMENT");
    ws.terminate();
    await ws.closed;
  },

  "disposing of it ends it with 1000": async ({ WebSocket, script }) => {
    const ws = await WebSocket.connect(await script.start([{ send: ["a"] }]));
    await ws[Symbol.asyncDispose]();
    same([ws.status, await script.ended(1)], ["Closed", 1000]);
  },
};
