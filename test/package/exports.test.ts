import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";

/** The public API: the names that each entry of the exports map exports at run time. Removing a name is a breaking change. */
const ENTRIES: Record<string, readonly string[]> = {
  ".": [
    "HawserError",
    "InvalidArgumentError",
    "OutOfRangeError",
    "ProtocolError",
    "WebSocketConnection",
    "WebSocketServer",
    "memory",
    "refuse",
  ],
  "./client": ["ConnectError", "HawserError", "InvalidArgumentError", "OutOfRangeError", "ProtocolError", "WebSocket"],
  "./client/topics": [
    "ConnectError",
    "HawserError",
    "InvalidArgumentError",
    "OutOfRangeError",
    "ProtocolError",
    "TopicClient",
  ],
  "./crossws": ["crosswsAdapter", "crosswsServer"],
  "./fastify": ["hawser"],
  "./nest": ["HawserAdapter", "HawserClient"],
  "./redis": ["redis"],
  "./streams": ["streamHandler", "webStreamHandler"],
  "./testing": ["RefusedError", "TestClient", "connect"],
  "./ws": ["WsServer", "WsSocket", "socketHandler"],
};

/** The types that each entry exports besides. */
const TYPES: Record<string, readonly string[]> = {
  ".": [
    "AutoResponseOptions",
    "Backplane",
    "BackplaneCounters",
    "BackplaneFailures",
    "BackplaneStage",
    "BackplaneState",
    "BackplaneStatus",
    "BroadcastOptions",
    "CompressionOptions",
    "ConnectionAnswer",
    "ConnectionHandler",
    "ConnectionList",
    "ConnectionRequest",
    "Connections",
    "ContextOf",
    "Cookies",
    "DataOf",
    "DataType",
    "ErrorCode",
    "ErrorEntry",
    "GapReason",
    "HandlerOf",
    "HistoryCounters",
    "HistoryOptions",
    "Initiator",
    "LimitName",
    "ListenOptions",
    "MemoryBackplane",
    "MemoryCounters",
    "MemoryOptions",
    "Message",
    "MessageCounters",
    "Origins",
    "PathFunction",
    "PathParams",
    "PresenceList",
    "PresenceMember",
    "PublishOptions",
    "Published",
    "RatePolicy",
    "Refusal",
    "RefusalReason",
    "RequestHeaders",
    "ResponseHeaders",
    "SendOptions",
    "SendQueuePolicy",
    "ServerCounters",
    "ShutdownOptions",
    "SingleHeaders",
    "Status",
    "SubscribeAnswer",
    "SubscribeOptions",
    "Subscription",
    "TerminateOptions",
    "TopicMessageOptions",
    "TopicRequestCounters",
    "TopicSet",
    "TrustProxy",
    "Values",
    "WSBackplaneEvent",
    "WSConnectionEvent",
    "WSDrainEvent",
    "WSErrorEvent",
    "WSGapEvent",
    "WSHandler",
    "WSMessageEvent",
    "WSMessageStartEvent",
    "WSOpenEvent",
    "WSPresenceEvent",
    "WSRefusedEvent",
    "WSServerErrorEvent",
    "WSServerTerminateEvent",
    "WSSubscribeEvent",
    "WSTerminateEvent",
    "WebServer",
    "WebSocketServerOptions",
  ],
  "./client": [
    "ClientDataOf",
    "ClientHandler",
    "ClientHeaders",
    "ClientOf",
    "ClientOptions",
    "ClientSocket",
    "ClientStatus",
    "CodeRange",
    "CompressionOptions",
    "ConnectTarget",
    "DataType",
    "Dial",
    "DialStage",
    "ErrorCode",
    "ErrorEntry",
    "Initiator",
    "Loss",
    "Message",
    "MessageCounters",
    "ProbeOptions",
    "Provided",
    "ReceivedFrom",
    "ReconnectOptions",
    "SendOptions",
    "SendQueuePolicy",
    "SentBy",
    "TakenBy",
    "TerminateOptions",
    "WSClientOpenEvent",
    "WSDrainEvent",
    "WSErrorEvent",
    "WSMessageEvent",
    "WSMessageStartEvent",
    "WSOpenEvent",
    "WSReconnectedEvent",
    "WSReconnectingEvent",
    "WSTerminateEvent",
    "WaitingPolicy",
  ],
  "./client/topics": [
    "ClientSubscribeOptions",
    "ClientSubscription",
    "PresenceMember",
    "TopicClientHandler",
    "TopicClientOptions",
    "TopicSocket",
    "WSPresenceEvent",
    "WSTopicEvent",
    "WSTopicGapEvent",
    "WSTopicsReconnectedEvent",
    "WSUnsubscribedEvent",
  ],
  "./crossws": ["CrosswsAdapter", "CrosswsOptions", "CrosswsServer", "CrosswsServerOptions"],
  "./fastify": [
    "FastifyLike",
    "FastifyLogger",
    "HawserPlugin",
    "HawserPluginOptions",
    "OnConnection",
    "ReplyLike",
    "RequestLike",
    "RouteLike",
  ],
  "./nest": [
    "Admit",
    "ClientData",
    "HawserAdapterOptions",
    "HawserGatewayOptions",
    "NestHost",
    "NestLogger",
    "NestMessageHandler",
    "ObservableLike",
    "ObserverLike",
    "SubscriptionLike",
  ],
  "./redis": ["Backplane", "RedisClient", "RedisOptions"],
  "./streams": [
    "AnyConnection",
    "StreamHandler",
    "StreamListener",
    "WebStreamClose",
    "WebStreamHandler",
    "WebStreamListener",
    "WebStreamPair",
  ],
  "./testing": ["ConnectOptions", "TestedServer"],
  "./ws": [
    "AnyConnection",
    "HandleProtocols",
    "SocketHandler",
    "SocketListener",
    "WsAnswer",
    "WsCloseEvent",
    "WsErrorEvent",
    "WsEvent",
    "WsEventListener",
    "WsEventMap",
    "WsMessageEvent",
    "WsSendCallback",
    "WsSendOptions",
    "WsServerEvents",
    "WsServerOptions",
    "WsServerSettings",
    "WsSocketEvents",
  ],
};

/** An entry of the map: its declarations and its code. */
interface Target {
  readonly types: string;
  readonly default: string;
}

/** What bundlers get in a browser for the entries of clients. */
const BROWSER: Record<string, Target> = {
  client: { types: "./dist/client-browser.d.ts", default: "./dist/browser/client.js" },
  "client-topics": { types: "./dist/client-topics-browser.d.ts", default: "./dist/browser/topics.js" },
};

interface Manifest {
  readonly exports: Record<string, string | Target | (Target & { readonly browser: Target })>;
  readonly dependencies?: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Manifest;

test("the exports map has the pinned entries, and the manifest", () => {
  expect(Object.keys(manifest.exports).sort()).toEqual(
    [...Object.keys(ENTRIES), "./browser/client.js", "./browser/topics.js", "./package.json"].sort(),
  );
  expect(manifest.exports["./package.json"]).toBe("./package.json");
});

test("the package has no runtime dependency", () => {
  expect(manifest.dependencies ?? {}).toEqual({});
});

describe.each(Object.entries(ENTRIES))("the entry %s", (entry, names) => {
  const name = entry === "." ? "hawser" : entry.slice(2).replace("/", "-");

  test("points at one file in dist and at its declarations", () => {
    const target = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` };
    expect(manifest.exports[entry]).toEqual(name in BROWSER ? { browser: BROWSER[name], ...target } : target);
  });

  test("gives exactly the pinned names", async () => {
    const module = (await import(new URL(`../../src/${name}.ts`, import.meta.url).href)) as object;
    expect(Object.keys(module).sort()).toEqual([...names].sort());
  });

  test("and exactly the pinned types", () => {
    const exported = exportsOf(new URL(`../../src/${name}.ts`, import.meta.url));
    expect(exported.filter(({ type }) => type).map((one) => one.name)).toEqual(TYPES[entry]);
    expect(exported.filter(({ type }) => !type).map((one) => one.name)).toEqual([...names].sort());
  });
});

describe.each([
  ["./client", "client", "./browser/client.js"],
  ["./client/topics", "client-topics", "./browser/topics.js"],
] as const)("the entry %s in browsers", (entry, name, file) => {
  test("is one file without an import, which a page can also load by its own name", () => {
    expect(Object.keys(manifest.exports[entry]!)[0]).toBe("browser");
    expect(manifest.exports[file]).toEqual(BROWSER[name]);
  });

  test("gives the names and types of Node's, but no ProtocolError: its messages come checked", () => {
    const ofNode = exportsOf(new URL(`../../src/${name}.ts`, import.meta.url));
    const ofBrowser = exportsOf(new URL(`../../src/${name}-browser.ts`, import.meta.url));
    expect(ofBrowser).toEqual(ofNode.filter(({ name: one }) => one !== "ProtocolError"));
  });
});

/** The names that an entry file re-exports, in order, and which of them are types only. */
function exportsOf(file: URL): { readonly name: string; readonly type: boolean }[] {
  const source = ts.createSourceFile("entry.ts", readFileSync(file, "utf8"), ts.ScriptTarget.ESNext);
  return source.statements
    .filter(ts.isExportDeclaration)
    .flatMap(({ isTypeOnly, exportClause }) => {
      if (exportClause === undefined || !ts.isNamedExports(exportClause)) throw new Error("an export without a name");
      return exportClause.elements.map((one) => ({ name: one.name.text, type: isTypeOnly || one.isTypeOnly }));
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
