import {
  type BroadcastOptions,
  type LimitName,
  type MessageCounters,
  type SendOptions,
  type ServerCounters,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { describe, expectTypeOf, test } from "vitest";

const HANDLER = { onConnection: () => ({ onMessage: () => {} }) };

describe("sending", () => {
  test("send takes a key, and returns at once; drained and ping return promises", () => {
    const use = (ws: WebSocketConnection): void => {
      expectTypeOf(ws.send("text", { key: "price" })).toEqualTypeOf<boolean>();
      expectTypeOf(ws.send("text", { key: undefined })).toEqualTypeOf<boolean>();
      expectTypeOf(ws.send("text", {})).toEqualTypeOf<boolean>();
      expectTypeOf(ws.drained()).toEqualTypeOf<Promise<boolean>>();
      expectTypeOf(ws.ping()).toEqualTypeOf<Promise<number | undefined>>();
      expectTypeOf(ws.bufferedAmount).toEqualTypeOf<number>();
      // @ts-expect-error: a key is a string
      ws.send("text", { key: 5 });
      // @ts-expect-error: there is no such option
      ws.send("text", { kye: "price" });
      // @ts-expect-error: nor one that broadcast has
      ws.send("text", { except: ws });
    };
    expectTypeOf(use).returns.toBeVoid();
    expectTypeOf<SendOptions>().toEqualTypeOf<{ readonly key?: string | undefined }>();
  });

  test("broadcast takes a key and a connection to leave out, and returns how many accepted it", () => {
    const use = (ws: WebSocketConnection): void => {
      expectTypeOf(ws.wss.broadcast("text", { key: "price", except: ws })).toEqualTypeOf<number>();
      expectTypeOf(ws.wss.broadcast("text", { key: "price", except: [ws] })).toEqualTypeOf<number>();
      // @ts-expect-error: a key is a string
      ws.wss.broadcast("text", { key: 5 });
    };
    expectTypeOf(use).returns.toBeVoid();
    expectTypeOf<BroadcastOptions["key"]>().toEqualTypeOf<string | undefined>();
  });
});

describe("counters", () => {
  test("a connection's are of messages", () => {
    expectTypeOf<WebSocketConnection["counters"]>().toEqualTypeOf<MessageCounters>();
    expectTypeOf<MessageCounters>().toEqualTypeOf<
      Readonly<Record<"accepted" | "written" | "dropped" | "pending", number>>
    >();
  });

  test("a server's are of connections, messages and limits, each limit by the name of its option", () => {
    const { counters } = new WebSocketServer(HANDLER);
    expectTypeOf(counters).toEqualTypeOf<ServerCounters>();
    expectTypeOf(counters.connections).toEqualTypeOf<{
      readonly opened: number;
      readonly closed: number;
      readonly leaving: number;
    }>();
    expectTypeOf(counters.tasks).toEqualTypeOf<{ readonly unfinished: number }>();
    expectTypeOf(counters.messages).toEqualTypeOf<MessageCounters>();
    expectTypeOf(counters.limits).toEqualTypeOf<Readonly<Record<LimitName, number>>>();
    expectTypeOf(counters.limits.maxConnections).toEqualTypeOf<number>();
    expectTypeOf<LimitName>().toExtend<keyof WebSocketServerOptions>();
    // @ts-expect-error: there is no such limit
    expectTypeOf(counters.limits.maxPayload).toBeNever();
  });
});

describe("options", () => {
  test("policies are unions of strings", () => {
    new WebSocketServer(HANDLER, { sendQueuePolicy: "latest", ratePolicy: "close" });
    // @ts-expect-error: there is no such policy
    new WebSocketServer(HANDLER, { sendQueuePolicy: "drop" });
    // @ts-expect-error: there is no such policy
    new WebSocketServer(HANDLER, { ratePolicy: "terminate" });
  });

  test("proxies are counted or named", () => {
    for (const trustProxy of [1, "loopback", ["10.0.0.0/8"], undefined]) new WebSocketServer(HANDLER, { trustProxy });
    // @ts-expect-error: which of them is not said
    new WebSocketServer(HANDLER, { trustProxy: true });
  });

  test("limits and times are numbers", () => {
    new WebSocketServer(HANDLER, { maxConnections: 5, pingInterval: Infinity, maxFragments: 1 });
    // @ts-expect-error: a text is no number
    new WebSocketServer(HANDLER, { pingInterval: "30s" });
    // @ts-expect-error: there is no such option
    new WebSocketServer(HANDLER, { maxConnection: 5 });
  });
});
