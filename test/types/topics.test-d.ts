import {
  WebSocketServer,
  type ConnectionHandler,
  type SubscribeAnswer,
  type WSSubscribeEvent,
  type WebSocketConnection,
} from "hawser";
import { TopicClient, type ClientSubscription, type TopicSocket, type WSTopicEvent } from "hawser/client/topics";
import type * as browser from "../../src/client-topics-browser.ts";
import type * as node from "../../src/client-topics.ts";
import { describe, expectTypeOf, test } from "vitest";

const url = "ws://localhost";

describe("onSubscribe", () => {
  test("returns true, false, options, or a promise of these", () => {
    class Member implements ConnectionHandler<"text"> {
      onMessage(): void {}

      onSubscribe(_ws: WebSocketConnection, { topic, since, last }: WSSubscribeEvent): SubscribeAnswer {
        expectTypeOf(topic).toEqualTypeOf<string>();
        expectTypeOf(since).toEqualTypeOf<string | undefined>();
        expectTypeOf(last).toEqualTypeOf<number | undefined>();
        return topic === "news" || { since, last };
      }
    }
    new WebSocketServer({ onConnection: () => new Member() });
    new WebSocketServer({
      onConnection: (): ConnectionHandler<"text"> => ({
        onMessage() {},
        onSubscribe: async () => Promise.resolve(true),
      }),
    });
  });

  test("returns nothing else", () => {
    expectTypeOf<() => number>().not.toExtend<NonNullable<ConnectionHandler["onSubscribe"]>>();
    expectTypeOf<() => Promise<boolean>>().toExtend<NonNullable<ConnectionHandler["onSubscribe"]>>();
    expectTypeOf<() => string>().not.toExtend<NonNullable<ConnectionHandler["onSubscribe"]>>();
    expectTypeOf<() => Promise<string>>().not.toExtend<NonNullable<ConnectionHandler["onSubscribe"]>>();
    // @ts-expect-error a text is no answer
    new WebSocketServer({ onConnection: () => ({ onMessage() {}, onSubscribe: () => "yes" }) });
  });
});

describe("a client with topics", () => {
  test("gets typed events", () => {
    const client = new TopicClient(
      url,
      {
        onTopic(ws, { topic, data, position }) {
          expectTypeOf(ws.subscribe(topic)).toEqualTypeOf<Promise<ClientSubscription>>();
          expectTypeOf(data).toEqualTypeOf<unknown>();
          expectTypeOf(position).toEqualTypeOf<string | undefined>();
        },
        onReconnected: (_ws, { recovered }) => {
          expectTypeOf(recovered).toEqualTypeOf<boolean>();
        },
        onUnsubscribed: (_ws, { status }) => {
          expectTypeOf(status).toEqualTypeOf<number>();
        },
      },
      { dataType: "object", positions: { a: "x" } },
    );
    expectTypeOf(client.positions).toEqualTypeOf<Readonly<Record<string, string>>>();
    expectTypeOf(TopicClient.connect(url)).toExtend<Promise<TopicClient>>();
  });

  test("has texts without a data type", () => {
    new TopicClient(url, {
      onTopic(_ws, { data }) {
        expectTypeOf(data).toEqualTypeOf<string>();
      },
    });
  });

  test("may be handled by a class", () => {
    class Member {
      onTopic(ws: TopicSocket<unknown, "text">, { data }: WSTopicEvent<string>): void {
        ws.send(data);
      }
    }
    expectTypeOf(new TopicClient(url, new Member()).handler).toEqualTypeOf<Member>();
  });

  test("is the same in browsers", () => {
    expectTypeOf<keyof browser.TopicClient>().toEqualTypeOf<keyof node.TopicClient>();
  });
});
