import { vi } from "vitest";
import { type FakeClientOptions, fakeClient, refused } from "./fake-client-platform.ts";

/** Lets everything run that waits for nothing but a turn. The timers are those of vitest. */
export const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

/** A callback that was called. */
export interface Call {
  readonly name: string;
  readonly event: Record<string, unknown>;
  readonly status: string;
}

/** A client that notes its calls; `reactions` are called in them. */
export function noted(options: FakeClientOptions = {}, reactions: Record<string, (event: never) => unknown> = {}) {
  const calls: Call[] = [];
  const names = ["onOpen", "onReconnected", "onMessage", "onReconnecting", "onError", "onTerminate", "onDrain"];
  const handler = Object.fromEntries(
    names.map((name) => [
      name,
      (_ws: unknown, event: Record<string, unknown>): unknown => {
        calls.push({ name, event, status: client.session.status });
        return reactions[name]?.(event as never);
      },
    ]),
  );
  const client = fakeClient(handler, options);
  const { platform } = client;
  return {
    ...client,
    calls,
    names: () => calls.map(({ name }) => name.slice(2)).join(" "),
    eventOf: (name: string) => calls.find((call) => call.name === name)?.event,
    accept: async () => {
      await turn();
      platform.dials.at(-1)?.accept();
      await turn();
      const link = platform.links.at(-1);
      if (link === undefined) throw new Error("no link");
      return link;
    },
    fail: async (error = refused()) => {
      await turn();
      platform.dials.at(-1)?.fail(error);
      await turn();
    },
  };
}

/** `onError` of this code, or undefined. */
export function codeOf(event: Record<string, unknown> | undefined): unknown {
  return (event as { errors: { cause: { code?: unknown } }[] } | undefined)?.errors[0]?.cause.code;
}
