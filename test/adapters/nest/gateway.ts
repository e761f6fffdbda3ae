import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { HawserAdapter, type HawserAdapterOptions, type HawserClient, type ObservableLike } from "hawser/nest";
import { onTestFinished } from "vitest";

/** What Nest makes of the result of a method: an observable of it. */
export function observed(result: unknown): ObservableLike {
  return {
    subscribe({ next, error, complete }) {
      let isOver = false;
      const settle = (step: () => void): void => {
        if (!isOver) step();
      };
      void Promise.resolve(result).then(
        (value) => {
          if (isObservable(value)) inner = value.subscribe({ next, error, complete });
          else
            settle(() => {
              next(value);
              complete();
            });
        },
        (cause: unknown) => {
          settle(() => {
            error(cause);
          });
        },
      );
      let inner: { unsubscribe(): void } | undefined;
      return {
        unsubscribe: () => {
          isOver = true;
          inner?.unsubscribe();
        },
      };
    },
  };
}

function isObservable(value: unknown): value is ObservableLike {
  return typeof value === "object" && value !== null && "subscribe" in value;
}

/** A gateway, bound as Nest binds it, on a web server. */
export async function bindGateway(
  methods: Readonly<Record<string, (client: HawserClient, data: unknown) => unknown>>,
  options: HawserAdapterOptions = {},
) {
  const web = createServer().listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(() => void web.close());
  const adapter = new HawserAdapter(web, options);
  const wss = adapter.create(0, { path: "/chat" });
  onTestFinished(() => wss.terminate(0));
  const clients: HawserClient[] = [];
  const requests: IncomingMessage[] = [];
  const ends: unknown[] = [];
  adapter.bindClientConnect(wss, (client, request) => {
    clients.push(client);
    requests.push(request);
    const handlers = Object.entries(methods).map(([message, method]) => ({
      message,
      callback: (data: unknown) => method(client, data),
    }));
    adapter.bindMessageHandlers(client, handlers, observed);
    adapter.bindClientDisconnect(client, (event) => ends.push(event));
  });
  const url = `ws://127.0.0.1:${String((web.address() as AddressInfo).port)}/chat`;
  return { adapter, wss, clients, requests, ends, url };
}
