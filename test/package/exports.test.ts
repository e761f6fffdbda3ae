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
    "refuse",
  ],
  "./testing": ["RefusedError", "TestClient", "connect"],
};

/** The types that each entry exports besides. */
const TYPES: Record<string, readonly string[]> = {
  ".": [
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
    "HandlerOf",
    "Initiator",
    "LimitName",
    "ListenOptions",
    "Message",
    "MessageCounters",
    "Origins",
    "PathFunction",
    "PathParams",
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
    "TerminateOptions",
    "TrustProxy",
    "Values",
    "WSConnectionEvent",
    "WSDrainEvent",
    "WSErrorEvent",
    "WSHandler",
    "WSMessageEvent",
    "WSOpenEvent",
    "WSRefusedEvent",
    "WSServerErrorEvent",
    "WSServerTerminateEvent",
    "WSTerminateEvent",
    "WebServer",
    "WebSocketServerOptions",
  ],
  "./testing": ["ConnectOptions", "TestedServer"],
};

interface Manifest {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  readonly dependencies?: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Manifest;

test("the exports map has the pinned entries, and the manifest", () => {
  expect(Object.keys(manifest.exports).sort()).toEqual([...Object.keys(ENTRIES), "./package.json"].sort());
  expect(manifest.exports["./package.json"]).toBe("./package.json");
});

test("the package has no runtime dependency", () => {
  expect(manifest.dependencies ?? {}).toEqual({});
});

describe.each(Object.entries(ENTRIES))("the entry %s", (entry, names) => {
  const name = entry === "." ? "hawser" : entry.slice(2);

  test("points at one file in dist and at its declarations", () => {
    expect(manifest.exports[entry]).toEqual({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
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
