import type { WSMessageEvent } from "hawser";
import { WebSocket } from "hawser/client";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ClientOptions } from "../../../src/client/options.ts";
import { isLong } from "../../support/long.ts";
import { RecordedClient, failedDial } from "../../support/recorded-client.ts";
import type { EchoServer } from "./server.ts";

/** A server under test, and how its client is made. */
interface Subject {
  readonly url: string;
  readonly options: ClientOptions;
}

type Scenario = (subject: Subject) => Promise<void>;

async function connected({ url, options }: Subject, more: ClientOptions = {}): Promise<RecordedClient> {
  const client = new RecordedClient(url, { ...options, ...more });
  await received(client, () => client.calls.includes("open"));
  return client;
}

/** Waits until the condition holds; fails when the client ends before. */
async function received(client: RecordedClient, holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (client.calls.includes("terminate")) throw client.error ?? new Error(`it has ended: ${client.calls.join()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Sends a text, and returns the answer. */
async function ask(client: RecordedClient, text: string): Promise<unknown> {
  const count = client.messages.length;
  client.ws.send(text);
  await received(client, () => client.messages.length > count);
  return client.messages[count];
}

async function echoes(subject: Subject, messages: readonly (string | Uint8Array)[]): Promise<void> {
  const client = await connected(subject);
  for (const message of messages) client.ws.send(message);
  await received(client, () => client.messages.length === messages.length);
  const same = client.messages.map((one, i) => {
    const sent = messages[i]!;
    return typeof one === "string"
      ? one === sent
      : typeof sent !== "string" && Buffer.compare(one as Buffer, sent) === 0;
  });
  expect(same).toEqual(messages.map(() => true));
  client.ws.terminate();
  expect(await client.ended).toMatchObject({ code: 1000 });
}

const bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 7919) & 255);

const scenarios = {
  "texts come back": (subject) =>
    echoes(subject, ["", "a", "Grüße, 世界 😀", "x".repeat(125), "y".repeat(126), "ü".repeat(40_000)]),
  "bytes come back": (subject) => echoes(subject, [0, 1, 125, 126, 65_535, 65_536].map(bytes)),
  "a mebibyte comes back": (subject) => echoes(subject, ["0123456789abcdef".repeat(65_536), bytes(2 ** 20)]),
  "thousands of messages at once come back in their order": (subject) =>
    echoes(
      subject,
      Array.from({ length: isLong ? 5_000 : 2_000 }, (_, i) => `message ${String(i)}`),
    ),
  "objects come back": async (subject) => {
    const client = await connected(subject, { dataType: "object" });
    const object = { list: [1, null, "ü"], nested: { yes: true } };
    client.ws.send(object);
    await received(client, () => client.messages.length === 1);
    expect(client.messages).toEqual([object]);
  },
  "the server closes with a code and a reason": async (subject) => {
    const client = await connected(subject);
    client.ws.send("close:4001:enough");
    expect(await client.ended).toMatchObject({ code: 4001, reason: "enough", initiator: "peer" });
    expect(client.calls).toEqual(["open", "terminate"]);
  },
  "the client closes with a code and a reason": async (subject) => {
    const client = await connected(subject);
    client.ws.terminate(3001, "bye");
    // The code is that of the server's answer: aiohttp answers 1000.
    expect(await client.ended).toMatchObject({ initiator: "local", cause: undefined });
    const next = await connected(subject);
    expect(await ask(next, "last")).toMatch(/^3001/);
  },
  "the client closes without a code: 1000": async (subject) => {
    const client = await connected(subject);
    client.ws.terminate();
    expect(await client.ended).toMatchObject({ code: 1000 });
    const next = await connected(subject);
    expect(await ask(next, "last")).toMatch(/^1000/);
  },
  "a subprotocol is chosen": async (subject) => {
    const client = await connected(subject, { protocols: ["a", "b"] });
    expect(client.ws.protocol).toBe("b");
    expect(await ask(client, "x")).toBe("x");
  },
  "a server that knows none of the subprotocols fails the handshake": async ({ url, options }) => {
    const error = await failedDial(url, { ...options, protocols: ["x", "y"] });
    // Some servers refuse by themselves.
    expect(["HWS_BAD_HANDSHAKE", "HWS_REFUSED"]).toContain(error.code);
  },
  "headers are asked for before each dial": async (subject) => {
    let count = 0;
    const headers = () => Promise.resolve({ "X-Count": String(++count) });
    for (const expected of ["1", "2"])
      expect(await ask(await connected(subject, { headers }), "header:X-Count")).toBe(expected);
  },
  "a ping is answered": async (subject) => {
    const client = await connected(subject);
    expect(await client.ws.ping()).toBeGreaterThanOrEqual(0);
  },
  "the server's ping is answered": async (subject) => {
    const client = await connected(subject);
    expect(await ask(client, "ping")).toBe("pong came");
  },
  "a refusal has its status and its body": async ({ url, options }) => {
    const path = url.startsWith("ws+unix:") ? ":/refuse" : "/refuse";
    expect(await failedDial(url + path, options)).toMatchObject({ code: "HWS_REFUSED", status: 403, body: "not you" });
  },
  "messages are iterated until the server closes": async ({ url, options }) => {
    const ws = await WebSocket.connect(url, {}, options);
    onTestFinished(() => {
      ws.destroy();
    });
    for (const text of ["1", "2", "close:1000:"]) ws.send(text);
    const messages: unknown[] = [];
    for await (const data of ws) messages.push(data);
    expect(messages).toEqual(["1", "2"]);
  },
  "it connects again when the server has closed with 1012": async ({ url, options }) => {
    const messages: unknown[] = [];
    const calls: string[] = [];
    const handler = {
      onReconnected: (ws: WebSocket) => {
        calls.push("reconnected");
        ws.send("again");
      },
      onMessage: (_ws: unknown, { data }: WSMessageEvent<unknown>) => void messages.push(data),
    };
    const ws = await WebSocket.connect(url, handler as never, { ...options, reconnect: { retry: () => 0 } });
    onTestFinished(() => {
      ws.destroy();
    });
    ws.send("close:1012:restart" as never);
    await expect.poll(() => messages, { timeout: 20_000 }).toEqual(["again"]);
    expect(calls).toEqual(["reconnected"]);
  },
} satisfies Record<string, Scenario>;

/** What a server cannot do, and the reason. */
export interface ServerSkip {
  readonly reason: string;
  readonly tests: readonly (keyof typeof scenarios)[];
}

/**
 * Makes a test of each scenario for one server.
 *
 * @param start - starts the server, once for all
 * @param options - of the clients
 * @param skip - is shown with its reasons
 * @param extensions - what must be agreed
 */
export function runServerScenarios(
  start: () => Promise<EchoServer>,
  {
    options = {},
    skip = [],
    extensions,
  }: { readonly options?: ClientOptions; readonly skip?: readonly ServerSkip[]; readonly extensions?: RegExp } = {},
): void {
  let server: EchoServer | undefined;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  for (const [name, run] of Object.entries<Scenario>(scenarios)) {
    const reason = skip.find(({ tests }) => (tests as readonly string[]).includes(name))?.reason;
    test(name, async (context) => {
      if (reason !== undefined) context.skip(reason);
      await run({ url: server!.url, options });
    });
  }

  test("the extensions that are agreed", async () => {
    const client = await connected({ url: server!.url, options });
    expect(client.ws.extensions).toMatch(extensions ?? /^$/);
  });
}
