import {
  type BroadcastOptions,
  type LimitName,
  type Message,
  type MessageCounters,
  type Published,
  type SendOptions,
  type ServerCounters,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { Readable } from "node:stream";
import { describe, expectTypeOf, test } from "vitest";

async function* generator(): AsyncGenerator<string> {
  yield await Promise.resolve("a");
}

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
      ws.send("text", { compress: false });
      // @ts-expect-error: it is true or false
      ws.send("text", { compress: "no" });
      // @ts-expect-error: there is no such option
      ws.send("text", { kye: "price" });
      // @ts-expect-error: nor one that broadcast has
      ws.send("text", { except: ws });
    };
    expectTypeOf(use).returns.toBeVoid();
    expectTypeOf<SendOptions>().toEqualTypeOf<{
      readonly key?: string | undefined;
      readonly compress?: boolean | undefined;
    }>();
  });

  class Score {
    readonly points = 5;
  }

  test("send and broadcast take texts, bytes and what JSON can hold", () => {
    interface Chat {
      readonly name: string;
      readonly message: string;
    }
    const use = (ws: WebSocketConnection, chat: Chat, message: Message, object: object): void => {
      for (const send of [ws.send.bind(ws), ws.wss.broadcast.bind(ws.wss)]) expectTypeOf(send).toBeFunction();
      const either = Math.random() > 0.5 ? "text" : new Uint8Array(1);
      ws.send(chat);
      ws.send(JSON.parse("1"));
      ws.send(message);
      ws.send(object);
      ws.send(either);
      ws.send(new Score());
      ws.send(new Date());
      ws.send([new Score()]);
      ws.send({ name: "x", message: "y", stack: "z" });
      ws.send({ stack: 5, size: 7 });
      ws.send(Object.assign(new Map(), { toJSON: () => ({}) }));
      ws.wss.broadcast(new Score());
      ws.wss.broadcast(chat, { except: ws });
    };
    const generic = <T extends object>(ws: WebSocketConnection, object: T, list: T[]): boolean =>
      ws.send(object) && ws.send(list) && ws.send({ object });
    const narrower = <M extends Message>(ws: WebSocketConnection, message: M): M => {
      ws.wss.broadcast(message);
      return message;
    };
    expectTypeOf(use).returns.toBeVoid();
    expectTypeOf(generic).returns.toBeBoolean();
    expectTypeOf(narrower).toBeFunction();
  });

  test("objects of which JSON holds nothing do not compile", () => {
    class Refused extends Error {
      readonly code = 5;
    }
    const use = (ws: WebSocketConnection): void => {
      // @ts-expect-error: a forgotten await
      ws.send(Promise.resolve("text"));
      // @ts-expect-error: a forgotten await, in one of two
      ws.send(Math.random() > 0.5 ? "text" : Promise.resolve("text"));
      // @ts-expect-error: JSON has nothing of a Map
      ws.send(new Map<string, number>());
      // @ts-expect-error: JSON has nothing of a Set
      ws.send(new Set<string>());
      // @ts-expect-error: JSON has nothing of a WeakMap
      ws.send(new WeakMap<object, string>());
      // @ts-expect-error: JSON has nothing of an Error
      ws.send(new Error("x"));
      // @ts-expect-error: an Error of a class
      ws.send(new Refused("x"));
      // @ts-expect-error: JSON has nothing of a RegExp
      ws.send(/x/);
      // @ts-expect-error: JSON has no functions
      ws.send(() => "text");
      // @ts-expect-error: a class is a function
      ws.send(Score);
      // @ts-expect-error: JSON has nothing of a Map
      ws.wss.broadcast(new Map<string, number>());
      // @ts-expect-error: a promise, not its value
      ws.wss.broadcast(Promise.resolve({}));
      // @ts-expect-error: a stream is read once, at one speed
      ws.wss.broadcast(new ReadableStream());
      // @ts-expect-error: nor a stream of Node's
      ws.wss.broadcast(Readable.from(["a"]));
      // @ts-expect-error: nor a generator
      ws.wss.broadcast(generator());
      // @ts-expect-error: nor what may be one
      ws.wss.broadcast("text" as string | ReadableStream);
      ws.wss.broadcast(Object.assign(generator(), { toJSON: () => "text" }));
      ws.send(generator());
    };
    expectTypeOf(use).returns.toBeVoid();
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
    expectTypeOf(counters.topics).toEqualTypeOf<number>();
    expectTypeOf(counters.messages).toEqualTypeOf<MessageCounters>();
    expectTypeOf(counters.limits).toEqualTypeOf<Readonly<Record<LimitName, number>>>();
    expectTypeOf(counters.limits.maxConnections).toEqualTypeOf<number>();
    // A fixed limit is the exception.
    expectTypeOf<Exclude<LimitName, "maxTopics">>().toExtend<keyof WebSocketServerOptions>();
    // @ts-expect-error: there is no such limit
    expectTypeOf(counters.limits.maxPayload).toBeNever();
  });
});

describe("publish", () => {
  test("takes what send takes, but no Blob", () => {
    const wss = new WebSocketServer(HANDLER);
    expectTypeOf(wss.publish("a", "text")).resolves.toEqualTypeOf<Published>();
    void wss.publish("a", new Uint8Array());
    void wss.publish("a", { n: 1 }, { key: "n", except: [] });
    // @ts-expect-error: a Blob is read later
    void wss.publish("a", new Blob([]));
    // @ts-expect-error: a stream is read once, at one speed
    void wss.publish("a", new ReadableStream());
    // @ts-expect-error: nothing that JSON would lose
    void wss.publish("a", new Map());
    const ws = wss.connections[0]!;
    void ws.publish("a", "text", { key: "n" });
    // @ts-expect-error: a Blob is read later
    void ws.publish("a", new Blob([]));
    // @ts-expect-error: a stream is read once, at one speed
    void ws.publish("a", Readable.from(["a"]));
    // @ts-expect-error: it never gets the message itself
    void ws.publish("a", "text", { except: ws });
    expectTypeOf(ws.topics.has("a")).toEqualTypeOf<boolean>();
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
