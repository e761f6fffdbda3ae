import {
  type ConnectionHandler,
  type Message,
  type WSMessageEvent,
  type WebSocketConnection,
  WebSocketServer,
} from "hawser";
import { describe, expectTypeOf, test } from "vitest";

/** What the server sends to a page. */
type ToPage = { readonly type: "said"; readonly text: string } | { readonly type: "topic"; readonly topic?: string };

/** What a page sends. */
interface FromPage {
  readonly type: "say";
  readonly text: string;
}

class Chat {
  topic = "weather";

  onConnection() {
    return new Member();
  }
}

class Member {
  name = "somebody";

  onMessage(ws: WebSocketConnection<Member, ToPage, Chat>, event: WSMessageEvent<FromPage>) {
    ws.send({ type: "said", text: event.data.text });
    ws.wss.broadcast({ type: "topic", topic: ws.wss.handler.topic }, { except: ws });
    for (const client of ws.wss.connections) client.send({ type: "said", text: client.handler.name });
    for (const client of ws.wss.connections) client.wss.handler.topic = "news";
    // @ts-expect-error: a page does not know this type
    ws.send({ type: "say", text: "x" });
    // @ts-expect-error: another property than the type has
    ws.send({ type: "topic", topci: "x" });
    // @ts-expect-error: it is no object
    ws.send("said");
    // @ts-expect-error: the same for all
    ws.wss.broadcast({ type: "said" });
    // @ts-expect-error: and for each of them
    for (const client of ws.wss.connections) client.send({ type: "said" });
    // @ts-expect-error: the server's handler has no such property
    ws.wss.handler.topci = "x";
    return ws.wss.connections.length;
  }
}

describe("a connection with all three types", () => {
  test("knows its handler, its messages and the server's handler", () => {
    type Typed = WebSocketConnection<Member, ToPage, Chat>;
    expectTypeOf<Typed["handler"]>().toEqualTypeOf<Member>();
    expectTypeOf<Typed["wss"]["handler"]>().toEqualTypeOf<Chat>();
    expectTypeOf<Typed["wss"]>().toEqualTypeOf<WebSocketServer<Chat, "text" | "blob" | "object" | "auto", ToPage>>();
  });

  test("is a handler's, and goes where any connection goes", () => {
    const wss = new WebSocketServer(new Chat(), { dataType: "object" });
    expectTypeOf<Member>().toExtend<ConnectionHandler>();
    expectTypeOf<WebSocketConnection<Member, ToPage, Chat>>().toExtend<WebSocketConnection>();
    const members = new Set<WebSocketConnection<Member, ToPage, Chat>>();
    wss.broadcast("anything", { to: members });
    wss.broadcast("anything", { to: (client) => client.handler.name === "ann", except: [...members] });
    expectTypeOf(wss.connections.at(0)!.handler).toEqualTypeOf<Member>();
  });

  test("may say only what it sends", () => {
    const text = null as unknown as WebSocketConnection<Member, string>;
    text.send("x");
    text.send("x", { key: "k" });
    // @ts-expect-error: only texts
    text.send({ type: "said" });
    const bytes = null as unknown as WebSocketConnection<Member, Uint8Array | Blob>;
    bytes.send(Buffer.from("x"));
    // @ts-expect-error: only bytes
    bytes.send("x");
    expectTypeOf<ReturnType<typeof bytes.send>>().toEqualTypeOf<boolean>();
  });
});

describe("a second type that is no message", () => {
  test("is an error where it is sent", () => {
    const number = null as unknown as WebSocketConnection<Member, string | number>;
    // @ts-expect-error: the second type must be a message
    number.send("x");
    const optional = null as unknown as WebSocketConnection<Member, ToPage | undefined>;
    // @ts-expect-error: the same
    optional.send({ type: "said", text: "x" });
    const map = null as unknown as WebSocketConnection<Member, Map<string, string>>;
    // @ts-expect-error: JSON has nothing of a map
    map.send(new Map());
    const promise = null as unknown as WebSocketConnection<Member, Promise<string>>;
    // @ts-expect-error: a promise
    promise.send(Promise.resolve("x"));
    expectTypeOf<WebSocketConnection<Member, string>>().toExtend<WebSocketConnection>();
  });
});

describe("a connection without them", () => {
  test("sends every message", () => {
    const any = null as unknown as WebSocketConnection;
    for (const message of ["x", Buffer.from("x"), { a: 1 }] as Message[]) any.send(message);
    any.send(new Member());
    // @ts-expect-error: JSON has nothing of a map
    any.send(new Map());
  });
});
