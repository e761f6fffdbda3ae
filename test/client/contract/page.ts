import type { TopicClient as ClientWithTopics } from "../../../src/client/node/topic-client.ts";
import type { WebSocket as Client } from "../../../src/client/node/websocket.ts";
import type { Script } from "./script.ts";
import { scenarios } from "./scenarios/all.ts";

/** What the test tells the page: to run a scenario, or what a method of the script has returned. */
export type ToPage =
  { readonly run: string } | { readonly id: number; readonly value?: unknown; readonly error?: string };

/** What the page tells the test: to call a method of the script, or how a scenario went. */
export type FromPage =
  | { readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly done: string; readonly error?: string };

/** Runs scenarios in this page, as the test tells it over a WebSocket of the platform. */
async function serve(): Promise<void> {
  const bundle = "./client.js";
  const { WebSocket } = (await import(bundle)) as { WebSocket: typeof Client };
  const topicsBundle = "./topics.js";
  const { TopicClient } = (await import(topicsBundle)) as { TopicClient: typeof ClientWithTopics };
  const control = new globalThis.WebSocket(new URL("control", location.href.replace("http", "ws")));
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  const tell = (message: FromPage): void => control.send(JSON.stringify(message));
  let calls = 0;
  const script = new Proxy({} as Script, {
    get:
      (_target, method) =>
      (...args: readonly unknown[]) =>
        new Promise((resolve, reject) => {
          waiting.set(++calls, { resolve, reject });
          tell({ id: calls, method: String(method), args });
        }),
  });
  control.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as ToPage;
    if ("run" in message) {
      const { run } = message;
      const failed = (error: unknown): void => tell({ done: run, error: textOf(error) });
      void Promise.resolve()
        .then(() => scenarios[run]?.({ WebSocket, TopicClient, script }))
        .then(() => tell({ done: run }), failed);
    } else {
      const call = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error === undefined) call?.resolve(message.value);
      else call?.reject(new Error(message.error));
    }
  };
}

/** Not every browser has the message in the stack. */
function textOf(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error);
}

void serve();
