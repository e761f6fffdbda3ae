import type { WebSocketConnection, WebSocketServer } from "hawser";
import {
  type ClientHandler,
  type ClientOf,
  ConnectError,
  type ClientStatus,
  type Dial,
  type ErrorEntry,
  type Loss,
  type SentBy,
  type TakenBy,
  WebSocket,
  type WSClientOpenEvent,
  type WSMessageEvent,
  type WSReconnectedEvent,
  type WSReconnectingEvent,
  type WSTerminateEvent,
} from "hawser/client";
import type * as browser from "../../src/client-browser.ts";
import type * as node from "../../src/client.ts";
import { describe, expectTypeOf, test } from "vitest";

/** What the server sends. */
type ToPage = { readonly type: "said"; readonly text: string } | { readonly type: "topic"; readonly topic: string };

/** What the server takes. */
interface FromPage {
  readonly type: "say";
  readonly text: string;
}

/** The server's connection handler. A client imports its type only. */
class Member {
  onMessage(ws: WebSocketConnection<Member, ToPage>, event: WSMessageEvent<FromPage>): void {
    ws.send({ type: "said", text: event.data.text });
  }
}

const url = "ws://localhost";

describe("the types of a server's handler", () => {
  test("are what it sends and what it takes", () => {
    expectTypeOf<SentBy<Member>>().toEqualTypeOf<ToPage>();
    expectTypeOf<TakenBy<Member>>().toEqualTypeOf<FromPage>();
  });

  test("are unknown where the handler does not say them", () => {
    interface Silent {
      onMessage(): void;
    }
    interface OnlyTakes {
      onMessage(ws: WebSocketConnection<OnlyTakes>, event: WSMessageEvent): void;
    }
    expectTypeOf<SentBy<Silent>>().toEqualTypeOf<unknown>();
    expectTypeOf<SentBy<unknown>>().toEqualTypeOf<unknown>();
    expectTypeOf<TakenBy<unknown>>().toEqualTypeOf<unknown>();
    expectTypeOf<SentBy<OnlyTakes>>().toEqualTypeOf<unknown>();
    expectTypeOf<TakenBy<OnlyTakes>>().toEqualTypeOf<string>();
  });

  test("are known with the third type of a connection too", () => {
    interface Typed {
      onMessage(ws: WebSocketConnection<Typed, ToPage, { topic: string }>, event: WSMessageEvent<FromPage>): void;
    }
    expectTypeOf<SentBy<Typed>>().toEqualTypeOf<ToPage>();
  });
});

describe("a client of a typed server", () => {
  test("sends what the server takes, and nothing else", () => {
    const ws: ClientOf<Member> = new WebSocket(url, {}, { dataType: "object" });
    ws.send({ type: "say", text: "hello" });
    // @ts-expect-error: the server does not know this type
    ws.send({ type: "said", text: "hello" });
    // @ts-expect-error: it has no text
    ws.send({ type: "say" });
    // @ts-expect-error: another property than the type has
    ws.send({ type: "say", text: "hello", txet: "x" });
    // @ts-expect-error: it is no object
    ws.send("hello");
  });

  test("receives what the server sends", async () => {
    const ws: ClientOf<Member> = new WebSocket(url, {}, { dataType: "object" });
    for await (const data of ws) expectTypeOf(data).toEqualTypeOf<ToPage>();
    const result = await ws.next();
    if (result.done !== true) expectTypeOf(result.value).toEqualTypeOf<ToPage>();
  });

  test("types the callbacks of a handler that is written in place", () => {
    const ws: ClientOf<Member> = new WebSocket(
      url,
      {
        onOpen(ws, event) {
          ws.send({ type: "say", text: "hello" });
          expectTypeOf(event).toEqualTypeOf<WSClientOpenEvent>();
          // @ts-expect-error: the server does not take it
          ws.send({ type: "shout" });
        },
        onMessage(ws, { data }) {
          expectTypeOf(data).toEqualTypeOf<ToPage>();
          if (data.type === "topic") ws.send({ type: "say", text: data.topic });
        },
      },
      { dataType: "object" },
    );
    ws.destroy();
  });

  test("takes a handler of a class that says the same types", () => {
    class Page {
      readonly texts: string[] = [];

      onMessage(ws: ClientOf<Member>, { data }: WSMessageEvent<ToPage>): void {
        if (data.type === "said") this.texts.push(data.text);
        else ws.send({ type: "say", text: data.topic });
      }
    }
    const ws: ClientOf<Member> = new WebSocket(url, new Page(), { dataType: "object" });
    ws.destroy();
    class Wrong {
      onMessage(_ws: unknown, event: WSMessageEvent<{ readonly type: "other" }>): string {
        return event.data.type;
      }
    }
    // @ts-expect-error: the server does not send that
    const wrong: ClientOf<Member> = new WebSocket(url, new Wrong(), { dataType: "object" });
    wrong.destroy();
  });

  test("is given by its type parameters too", async () => {
    const ws = await WebSocket.connect<ClientHandler, Member, "object">(url, {}, { dataType: "object" });
    ws.send({ type: "say", text: "x" });
    for await (const data of ws) expectTypeOf(data).toEqualTypeOf<ToPage>();
  });
});

describe("a client of any server", () => {
  test("has a type of data for each dataType", async () => {
    for await (const data of new WebSocket(url)) expectTypeOf(data).toEqualTypeOf<string>();
    for await (const data of new WebSocket(url, {}, { dataType: "object" }))
      expectTypeOf(data).toEqualTypeOf<unknown>();
    for await (const data of new WebSocket(url, {}, { dataType: "blob" }))
      expectTypeOf(data).toEqualTypeOf<Uint8Array>();
    for await (const data of new WebSocket(url, {}, { dataType: "auto" }))
      expectTypeOf(data).toEqualTypeOf<string | Uint8Array>();
  });

  test("types the callbacks of a handler that is written in place", () => {
    const ws = new WebSocket(
      url,
      {
        onOpen(ws, event) {
          expectTypeOf(event.reconnected).toEqualTypeOf<boolean>();
          expectTypeOf(ws.status).toEqualTypeOf<ClientStatus>();
        },
        onMessage(ws, { data }) {
          expectTypeOf(data).toEqualTypeOf<string>();
          ws.send(data);
          ws.send(new Uint8Array(1), { key: "k", compress: false });
        },
        onReconnecting(ws, event) {
          expectTypeOf(event).toEqualTypeOf<WSReconnectingEvent>();
          ws.terminate(4000, "enough");
        },
        onReconnected(_ws, event) {
          expectTypeOf(event).toEqualTypeOf<WSReconnectedEvent>();
        },
        onError(_ws, event) {
          expectTypeOf(event.errors[0]).toEqualTypeOf<ErrorEntry>();
        },
        onTerminate(_ws, event) {
          expectTypeOf(event).toEqualTypeOf<WSTerminateEvent>();
        },
      },
      { reconnect: true },
    );
    // @ts-expect-error: a promise cannot be sent
    ws.send(Promise.resolve("x"));
  });

  test("keeps the type of its handler", () => {
    class Page {
      count = 0;

      onMessage(_ws: WebSocket<Page>, { data }: WSMessageEvent): void {
        this.count += data.length;
      }
    }
    const ws = new WebSocket(url, new Page());
    expectTypeOf(ws.handler).toEqualTypeOf<Page>();
    expectTypeOf(ws.handler.count).toEqualTypeOf<number>();
  });

  test("takes the data type from its handler, as in 4D", () => {
    const ws = new WebSocket(url, {
      dataType: "object",
      headers: { Cookie: "session=1", "X-List": ["a", "b"] },
      onMessage(_ws, { data }) {
        expectTypeOf(data).toEqualTypeOf<unknown>();
      },
    });
    ws.destroy();
  });

  test("knows what functions are asked for", () => {
    const ws = new WebSocket(
      (dial) => {
        expectTypeOf(dial).toEqualTypeOf<Dial>();
        return new URL(url);
      },
      {},
      {
        headers: async ({ status }) => ({ Authorization: status === 401 ? await Promise.resolve("new") : "old" }),
        reconnect: {
          retryCodes: [4009, [4100, 4199]],
          retry(loss) {
            expectTypeOf(loss).toEqualTypeOf<Loss>();
            return loss.status === 403 ? false : undefined;
          },
        },
      },
    );
    ws.destroy();
  });

  test("refuses what is not there", () => {
    // @ts-expect-error: there is no such option
    const option = new WebSocket(url, {}, { maxPayload: 1 });
    // @ts-expect-error: not a data type
    const type = new WebSocket(url, {}, { dataType: "json" });
    // @ts-expect-error: not a function
    const handler = new WebSocket(url, { onMessage: "x" });
    // @ts-expect-error: a client has no server
    expectTypeOf(option.wss).toBeAny();
    for (const ws of [option, type, handler]) ws.destroy();
  });
});

test("a ConnectError tells where a dial failed", () => {
  const error = new ConnectError("HWS_REFUSED", undefined, { stage: "http", status: 401 });
  expectTypeOf(error.status).toEqualTypeOf<number | undefined>();
  expectTypeOf(error.stage).toEqualTypeOf<"provider" | "dns" | "tcp" | "proxy" | "tls" | "http" | "handshake">();
  expectTypeOf(error.headers).toEqualTypeOf<Headers | undefined>();
});

test("a client is no connection of a server, and no server is needed for its types", () => {
  expectTypeOf<WebSocket>().not.toExtend<WebSocketConnection>();
  expectTypeOf<WebSocket>().not.toExtend<WebSocketServer>();
});

test("the entry for browsers has the same members", () => {
  type Members<T> = { [K in keyof T]: unknown };
  expectTypeOf<Members<browser.WebSocket>>().toEqualTypeOf<Members<node.WebSocket>>();
  expectTypeOf<SentBy<Member>>().toEqualTypeOf<browser.SentBy<Member>>();
  type FromBrowser = browser.ClientOf<Member>;
  expectTypeOf<Parameters<FromBrowser["send"]>[0]>().toEqualTypeOf<Parameters<ClientOf<Member>["send"]>[0]>();
});
