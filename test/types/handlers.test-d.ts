import {
  type WSConnectionEvent,
  type ConnectionHandler,
  type WSDrainEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSOpenEvent,
  type Refusal,
  type WSServerErrorEvent,
  refuse,
  type ErrorCode,
  type WSTerminateEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WSHandler,
  type WebSocketServerOptions,
} from "hawser";
import { describe, expectTypeOf, test } from "vitest";

class RandomHandler {
  name = "somebody";
  channel: string | undefined;

  onMessage(ws: WebSocketConnection<RandomHandler>, event: WSMessageEvent): void {
    expectTypeOf(event.data).toEqualTypeOf<string>();
    expectTypeOf(ws.handler).toEqualTypeOf<RandomHandler>();
    ws.wss.broadcast(`${this.name}: ${event.data}`, { except: ws });
  }

  onDrain(ws: WebSocketConnection<RandomHandler>, event: WSDrainEvent): void {
    expectTypeOf(event).toEqualTypeOf<{ readonly type: "drain" }>();
    expectTypeOf(ws.handler.channel).toEqualTypeOf<string | undefined>();
  }

  onError(_ws: WebSocketConnection<RandomHandler>, event: WSErrorEvent): void {
    expectTypeOf(event.errors[0].errCode).toEqualTypeOf<number>();
  }

  onTerminate(ws: WebSocketConnection<RandomHandler>, event: WSTerminateEvent): void {
    expectTypeOf(event.reason).toEqualTypeOf<string | undefined>();
    for (const client of ws.wss.connections) expectTypeOf(client.handler).toEqualTypeOf<RandomHandler>();
  }
}

class Chat {
  onConnection(_wss: unknown, event: WSConnectionEvent): RandomHandler | Refusal | null {
    if (event.request.query["token"] === undefined) return refuse(401);
    return event.protocols.length > 0 ? null : new RandomHandler();
  }

  onOpen(_wss: WebSocketServer): void {}

  onTerminate(_wss: WebSocketServer): void {}

  onError(_wss: WebSocketServer, _event: WSErrorEvent): void {}
}

/** A handler that stores bytes. */
class Blobs {
  onMessage(_ws: WebSocketConnection<Blobs>, event: WSMessageEvent<Buffer>): void {
    event.data.readUInt8();
  }
}

/** A handler whose messages are objects of its own. */
class Orders {
  onMessage(_ws: WebSocketConnection<Orders>, event: WSMessageEvent<{ readonly type: "order" }>): void {
    expectTypeOf(event.data.type).toEqualTypeOf<"order">();
  }
}

describe("the argument of onMessage", () => {
  test("a handler of strings fits the data type text, which is the default", () => {
    new WebSocketServer(new Chat());
    new WebSocketServer(new Chat(), { port: 8080 });
    new WebSocketServer(new Chat(), { port: 8080, dataType: "text" });
  });

  test("a handler of strings is an error under data types without strings", () => {
    // @ts-expect-error: bytes are no strings
    new WebSocketServer(new Chat(), { dataType: "blob" });
    // @ts-expect-error: bytes are no strings
    new WebSocketServer({ onConnection: () => new RandomHandler() }, { dataType: "blob" });
    // @ts-expect-error: bytes are no strings
    new WebSocketServer({ onConnection: async () => new RandomHandler() }, { dataType: "blob" });
    const either = { onConnection: () => (Math.random() > 0.5 ? new RandomHandler() : new Blobs()) };
    // @ts-expect-error: bytes, in one of the two
    new WebSocketServer(either, { dataType: "blob" });
  });

  test("a handler of bytes fits blob and nothing else", () => {
    new WebSocketServer({ onConnection: () => new Blobs() }, { dataType: "blob" });
    // @ts-expect-error: strings are no bytes
    new WebSocketServer({ onConnection: () => new Blobs() });
    // @ts-expect-error: strings are no bytes
    new WebSocketServer({ onConnection: () => new Blobs() }, { dataType: "text" });
  });

  test("under object a handler declares the type of its objects", () => {
    new WebSocketServer({ onConnection: () => new Orders() }, { dataType: "object" });
    // @ts-expect-error: strings are no bytes
    new WebSocketServer({ onConnection: () => new Orders() });
    // @ts-expect-error: bytes are no strings
    new WebSocketServer({ onConnection: () => new Orders() }, { dataType: "blob" });
  });

  test("under object a handler of text or bytes is an error, also as a class", () => {
    // @ts-expect-error: parsed JSON is no text
    new WebSocketServer({ onConnection: () => new RandomHandler() }, { dataType: "object" });
    // @ts-expect-error: parsed JSON is no text
    new WebSocketServer(new Chat(), { dataType: "object" });
    // @ts-expect-error: parsed JSON is never bytes
    new WebSocketServer({ onConnection: async () => new Blobs() }, { dataType: "object" });
    const either = { onConnection: () => (Math.random() > 0.5 ? new RandomHandler() : new Orders()) };
    // @ts-expect-error: text, in one of the two
    new WebSocketServer(either, { dataType: "object" });
    class Declared implements ConnectionHandler<"object"> {
      onMessage(_ws: unknown, _event: WSMessageEvent): void {}
    }
    // @ts-expect-error: TypeScript compares the parameters of methods in both directions, so the class compiles
    new WebSocketServer({ onConnection: () => new Declared() }, { dataType: "object" });
  });

  test("under object the library's own types of text are an error", () => {
    const handler: WSHandler<"text"> = { onConnection: () => null };
    // @ts-expect-error: parsed JSON is no text
    new WebSocketServer(handler, { dataType: "object" });
    // @ts-expect-error: parsed JSON is no text
    new WebSocketServer({ onConnection: (): ConnectionHandler<"text"> => new RandomHandler() }, { dataType: "object" });
    // @ts-expect-error: parsed JSON is never bytes
    new WebSocketServer({ onConnection: (): ConnectionHandler<"blob"> => new Blobs() }, { dataType: "object" });
    new WebSocketServer({ onConnection: (): ConnectionHandler<"object"> => new Orders() }, { dataType: "object" });
    const objects: WSHandler<"object"> = { onConnection: () => null };
    expectTypeOf(new WebSocketServer(objects, { dataType: "object" })).toEqualTypeOf<
      WebSocketServer<WSHandler<"object">, "object">
    >();
  });

  test("under object a handler may declare what JSON can be", () => {
    class Mixed {
      onMessage(_ws: WebSocketConnection<Mixed>, _event: WSMessageEvent<string | { readonly id: number }>): void {}
    }
    class Loose {
      // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as an application may declare it
      onMessage(_ws: any, _event: any): void {}
    }
    new WebSocketServer({ onConnection: () => new Mixed() }, { dataType: "object" });
    new WebSocketServer({ onConnection: () => new Loose() }, { dataType: "object" });
  });

  test("a data type that is not known when it compiles fits", () => {
    const options: WebSocketServerOptions = { port: 8080 };
    new WebSocketServer(new Chat(), options);
    new WebSocketServer({ onConnection: () => new Blobs() }, options);
  });

  test("in generic code the types are not known, and fit", () => {
    class Text<H extends ConnectionHandler> {
      readonly make: (() => H | null) | undefined;
      readonly wss = new WebSocketServer({ onConnection: () => this.make?.() });
      readonly later = new WebSocketServer({ onConnection: async () => this.make?.() });
    }
    class Objects<H extends ConnectionHandler<"object">> {
      readonly make: (() => H) | undefined;
      readonly wss = new WebSocketServer({ onConnection: () => this.make?.() }, { dataType: "object" });
    }
    const ofAnyType = <T extends "text" | "blob" | "object" | "auto">(handler: WSHandler<T>, dataType: T): unknown =>
      new WebSocketServer(handler, { dataType });
    const whole = <S extends WSHandler>(handler: S): S => new WebSocketServer(handler).handler;
    expectTypeOf(new Text<RandomHandler>().wss.connections[0]!.handler).toEqualTypeOf<RandomHandler>();
    expectTypeOf(new Objects<Orders>().wss.connections[0]!.handler).toEqualTypeOf<Orders>();
    expectTypeOf(ofAnyType).toBeFunction();
    expectTypeOf(whole(new Chat())).toEqualTypeOf<Chat>();
  });

  test("a handler of several types fits each data type that gives one of them", () => {
    class Anything {
      onMessage(_ws: WebSocketConnection<Anything>, _event: WSMessageEvent<unknown>): void {}
    }
    class Either {
      onMessage(_ws: WebSocketConnection<Either>, _event: WSMessageEvent<string | Buffer>): void {}
    }
    for (const dataType of ["text", "blob", "object", "auto"] as const) {
      new WebSocketServer({ onConnection: () => new Anything() }, { dataType });
    }
    for (const dataType of ["text", "blob", "auto"] as const) {
      new WebSocketServer({ onConnection: () => new Either() }, { dataType });
    }
  });

  test("a handler without parameters fits every data type", () => {
    const quiet = { onConnection: () => ({ onMessage: () => {} }) };
    for (const dataType of ["text", "blob", "object", "auto"] as const) new WebSocketServer(quiet, { dataType });
  });
});

describe("inline handlers", () => {
  test("ws and event have their types without annotations", () => {
    new WebSocketServer({
      onOpen(wss, event) {
        expectTypeOf(event).toEqualTypeOf<WSOpenEvent>();
        expectTypeOf(wss.terminated).toEqualTypeOf<boolean>();
      },
      onConnection(wss, event) {
        expectTypeOf(wss.terminated).toEqualTypeOf<boolean>();
        expectTypeOf(event).toEqualTypeOf<WSConnectionEvent>();
        return {
          onOpen(ws, opened) {
            expectTypeOf(opened).toEqualTypeOf<WSOpenEvent>();
            expectTypeOf(ws.id).toEqualTypeOf<number>();
          },
          onMessage(ws, message) {
            expectTypeOf(message).toEqualTypeOf<WSMessageEvent>();
            expectTypeOf(message.data).toEqualTypeOf<string>();
            expectTypeOf(ws.send(message.data)).toEqualTypeOf<boolean>();
          },
          onDrain(ws, drain) {
            expectTypeOf(drain).toEqualTypeOf<WSDrainEvent>();
            expectTypeOf(drain.type).toEqualTypeOf<"drain">();
            expectTypeOf(ws.bufferedAmount).toEqualTypeOf<number>();
          },
          onError(_ws, error) {
            expectTypeOf(error).toEqualTypeOf<WSErrorEvent>();
          },
          onTerminate(_ws, end) {
            expectTypeOf(end).toEqualTypeOf<WSTerminateEvent>();
            expectTypeOf(end.initiator).toEqualTypeOf<"local" | "peer" | "network">();
            expectTypeOf(end.cause?.code).toEqualTypeOf<ErrorCode | undefined>();
          },
        };
      },
      onError(_wss, event) {
        expectTypeOf(event).toEqualTypeOf<WSServerErrorEvent>();
      },
      onTerminate(_wss, event) {
        expectTypeOf(event.type).toEqualTypeOf<"terminate">();
      },
    });
  });

  test("event.data follows the data type", () => {
    new WebSocketServer(
      {
        onConnection: () => ({
          onMessage(_ws, event) {
            expectTypeOf(event.data).toEqualTypeOf<string>();
          },
        }),
      },
      { port: 8080 },
    );
    new WebSocketServer(
      {
        onConnection: () => ({
          onMessage(_ws, event) {
            expectTypeOf(event.data).toEqualTypeOf<string>();
          },
        }),
      },
      { dataType: "text" },
    );
    new WebSocketServer(
      {
        onConnection() {
          return {
            onMessage(_ws, event) {
              expectTypeOf(event.data).toEqualTypeOf<Buffer>();
            },
          };
        },
      },
      { dataType: "blob" },
    );
    new WebSocketServer(
      {
        onConnection: (_wss, _event) => ({
          onMessage(_ws, event) {
            expectTypeOf(event.data).toEqualTypeOf<unknown>();
          },
        }),
      },
      { dataType: "object" },
    );
    new WebSocketServer(
      {
        async onConnection() {
          return {
            onMessage: (_ws, event) => {
              expectTypeOf(event.data).toEqualTypeOf<string | Buffer>();
            },
          };
        },
      },
      { dataType: "auto" },
    );
  });

  test("null and a refusal beside the handler are allowed", () => {
    new WebSocketServer(
      {
        onConnection(_wss, event) {
          if (event.protocols.length === 0) return null;
          if (event.request.url === "/") return refuse(404);
          return {
            channel: "general",
            onMessage(_ws, message) {
              expectTypeOf(message.data).toEqualTypeOf<Buffer>();
            },
          };
        },
      },
      { dataType: "blob" },
    );
  });
});

describe("the handler of a connection", () => {
  test("the handlers that a class's onConnection returns", () => {
    const wss = new WebSocketServer(new Chat());
    expectTypeOf(wss.handler).toEqualTypeOf<Chat>();
    const client = wss.connections[0]!;
    expectTypeOf(client.handler).toEqualTypeOf<RandomHandler>();
    expectTypeOf(client.handler.channel).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: there is no such property
    expectTypeOf(client.handler.romm).toBeAny();
    // @ts-expect-error: and one in a callback
    wss.connections.filter((one) => one.handler.nmae === "ada");
    expectTypeOf(wss.connections.map((one) => one.handler.name)).toEqualTypeOf<string[]>();
    expectTypeOf(wss.connections.get(1)?.handler.name).toEqualTypeOf<string | undefined>();
    expectTypeOf(wss.connections.find(() => true)?.handler).toEqualTypeOf<RandomHandler | undefined>();
    for (const one of wss.connections) expectTypeOf(one.handler).toEqualTypeOf<RandomHandler>();
  });

  test("an index may be greater than the last", () => {
    expectTypeOf(new WebSocketServer(new Chat()).connections[0]).toEqualTypeOf<
      WebSocketConnection<RandomHandler, unknown, Chat> | undefined
    >();
  });

  test("an async onConnection's too", () => {
    const wss = new WebSocketServer({
      async onConnection(_wss: unknown, event: WSConnectionEvent) {
        if (event.protocols.length === 0) return undefined;
        return event.request.url === "/" ? refuse(403) : new RandomHandler();
      },
    });
    expectTypeOf(wss.connections[0]!.handler).toEqualTypeOf<RandomHandler>();
  });

  test("all handlers of a union", () => {
    class Guest {
      readonly kind = "guest";
      onMessage(_ws: WebSocketConnection<Guest>, _event: WSMessageEvent): void {}
    }
    class Admin {
      readonly kind = "admin";
      rights = 7;
      onMessage(_ws: WebSocketConnection<Admin>, _event: WSMessageEvent): void {}
    }
    const wss = new WebSocketServer({
      onConnection: (_wss: unknown, { request }: WSConnectionEvent) =>
        request.url === "/admin" ? new Admin() : new Guest(),
    });
    const { handler } = wss.connections[0]!;
    expectTypeOf(handler).toEqualTypeOf<Admin | Guest>();
    if (handler.kind === "admin") expectTypeOf(handler.rights).toEqualTypeOf<number>();
    // @ts-expect-error: guests have none
    expectTypeOf(handler.rights).toBeAny();
  });

  test("an inline handler's state", () => {
    const wss = new WebSocketServer({
      onConnection() {
        return { channel: "general", onMessage() {} };
      },
    });
    expectTypeOf(wss.connections[0]!.handler.channel).toEqualTypeOf<string>();
    // @ts-expect-error: there is no such property
    expectTypeOf(wss.connections[0]!.handler.channels).toBeAny();
  });

  test("an inline handler's state, when its onMessage has parameters", () => {
    const wss = new WebSocketServer(
      {
        onConnection() {
          return {
            channel: "general",
            onMessage(_ws, event) {
              expectTypeOf(event.data).toEqualTypeOf<Buffer>();
            },
          };
        },
      },
      { dataType: "blob" },
    );
    expectTypeOf(wss.connections[0]!.handler.channel).toEqualTypeOf<string>();
  });

  test("inside a handler ws.wss.connections have the handler's type", () => {
    class Player {
      score = 0;
      onMessage(ws: WebSocketConnection<Player>, _event: WSMessageEvent): void {
        expectTypeOf(ws.wss.connections[0]!.handler.score).toEqualTypeOf<number>();
        for (const other of ws.wss.connections) expectTypeOf(other.handler).toEqualTypeOf<Player>();
        const best = ws.wss.connections.map((other) => other.handler.score);
        expectTypeOf(best).toEqualTypeOf<number[]>();
        // @ts-expect-error: there is no such property
        ws.wss.connections.some((other) => other.handler.scroe > 1);
      }
    }
    new WebSocketServer({ onConnection: () => new Player() });
  });
});

describe("a server where any server is accepted", () => {
  test("it can be passed on", () => {
    const wss = new WebSocketServer(new Chat());
    const stop = async (server: WebSocketServer): Promise<void> => server.terminate();
    const count = (server: WebSocketServer): number => server.connections.length;
    expectTypeOf(stop).toBeCallableWith(wss);
    expectTypeOf(count).toBeCallableWith(wss);
    const named: WebSocketServer<Chat> = wss;
    const any: WebSocketServer = named;
    expectTypeOf(any.connections[0]!.handler).toExtend<ConnectionHandler>();
  });

  test("its type takes the server's handler, not that of a connection, which has no onConnection", () => {
    // @ts-expect-error: a connection's handler
    type Wrong = WebSocketServer<RandomHandler>;
    expectTypeOf<Wrong>().not.toBeNever();
    class Both {
      onConnection(): null {
        return null;
      }

      onMessage(): void {}
    }
    expectTypeOf<WebSocketServer<Both>["handler"]>().toEqualTypeOf<Both>();
    expectTypeOf(new WebSocketServer(new Both())).toEqualTypeOf<WebSocketServer<Both>>();
    class Kept<S extends object> {
      readonly wss: WebSocketServer<S> | undefined;
    }
    expectTypeOf<Kept<Chat>["wss"]>().toEqualTypeOf<WebSocketServer<Chat> | undefined>();
  });

  test("a handler's callbacks may ask for their own kind of server", () => {
    class Host {
      onConnection(wss: WebSocketServer<Host>): RandomHandler {
        expectTypeOf(wss.handler).toEqualTypeOf<Host>();
        return new RandomHandler();
      }

      onOpen(wss: WebSocketServer<Host>): void {
        expectTypeOf(wss.connections[0]!.handler).toEqualTypeOf<RandomHandler>();
      }
    }
    new WebSocketServer(new Host(), { port: 8080 });
  });

  test("so can a handler's own, which ws.wss is", () => {
    const count = (server: WebSocketServer): number => server.connections.length;
    const use = (ws: WebSocketConnection<RandomHandler>): number => count(ws.wss);
    expectTypeOf(use).returns.toBeNumber();
  });

  test("so can one of another data type", () => {
    const blobs = new WebSocketServer({ onConnection: () => new Blobs() }, { dataType: "blob" });
    const objects = new WebSocketServer({ onConnection: () => new Orders() }, { dataType: "object" });
    const all: WebSocketServer[] = [blobs, objects, new WebSocketServer(new Chat())];
    expectTypeOf(all[0]!.terminated).toEqualTypeOf<boolean>();
  });

  test("and a connection where any connection is accepted", () => {
    const greet = (ws: WebSocketConnection): boolean => ws.send("hello");
    const wss = new WebSocketServer(new Chat());
    expectTypeOf(greet).toBeCallableWith(wss.connections[0]!);
    wss.broadcast("hello", { except: wss.connections[0] });
    wss.broadcast("hello", { except: wss.connections.filter(() => true) });
    wss.broadcast("hello", { except: wss.connections });
  });

  test("a handler can be declared by the interfaces", () => {
    class Typed implements WSHandler {
      onConnection(): ConnectionHandler<"text"> {
        return { onMessage: (ws, event) => void ws.send(event.data.toUpperCase()) };
      }
    }
    new WebSocketServer(new Typed());
    const handler: WSHandler<"blob"> = {
      onConnection: () => ({ onMessage: (_ws, event) => expectTypeOf(event.data).toEqualTypeOf<Buffer>() }),
    };
    new WebSocketServer(handler, { dataType: "blob" });
  });
});

describe("type errors", () => {
  test("a handler without onConnection, and one whose onConnection returns no handler", () => {
    // @ts-expect-error: no onConnection
    new WebSocketServer({ onOpen: () => {} });
    // @ts-expect-error: no onMessage
    new WebSocketServer({ onConnection: () => ({ onOpen: () => {} }) });
    // @ts-expect-error: onDrain is no function
    new WebSocketServer({ onConnection: () => ({ onMessage: () => {}, onDrain: 5 }) });
    // @ts-expect-error: a string is no handler
    new WebSocketServer({ onConnection: () => "handler" });
  });

  test("options that do not exist or are of another type", () => {
    // @ts-expect-error: no such option
    new WebSocketServer(new Chat(), { prot: 8080 });
    // @ts-expect-error: no such data type
    new WebSocketServer(new Chat(), { dataType: "binary" });
    // @ts-expect-error: a number is none of them
    new WebSocketServer(new Chat(), { port: "8080" });
    // @ts-expect-error: its answer would be a promise, which is no answer
    new WebSocketServer(new Chat(), { origins: async () => true });
  });

  test("values that cannot be sent", () => {
    const send = (ws: WebSocketConnection): void => {
      ws.send("text");
      ws.send(new Uint8Array(1));
      ws.send(new ArrayBuffer(1));
      ws.send(new Blob([]));
      ws.send({ any: "object" });
      ws.send([1, 2]);
      // @ts-expect-error: a number is none of them
      ws.send(5);
      // @ts-expect-error: undefined is nothing to send
      ws.send(undefined);
      // @ts-expect-error: null is nothing to send
      ws.send(null);
    };
    expectTypeOf(send).returns.toBeVoid();
  });

  test("read-only members cannot be set", () => {
    const set = (ws: WebSocketConnection, wss: WebSocketServer): void => {
      // @ts-expect-error: it is read-only
      ws.id = 1;
      // @ts-expect-error: it is read-only
      ws.status = "Closed";
      // @ts-expect-error: it is read-only
      ws.wss = wss;
      // @ts-expect-error: it is read-only
      wss.path = "/";
      // @ts-expect-error: it is read-only
      wss.dataType = "text";
      // @ts-expect-error: it is read-only
      wss.terminated = true;
      // @ts-expect-error: it is read-only
      wss.connections[0] = ws;
      // @ts-expect-error: it is read-only
      ws.counters.accepted = 0;
      // @ts-expect-error: it is read-only
      ws.counters = wss.counters.messages;
      // @ts-expect-error: it is read-only
      wss.counters.limits.maxConnections = 0;
    };
    expectTypeOf(set).returns.toBeVoid();
  });
});
