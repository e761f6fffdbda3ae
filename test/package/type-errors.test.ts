import ts from "typescript";
import { expect, test } from "vitest";

/** What the compiler says where a connection handler does not fit: a person reads it first in an editor. */
const FILE = "test/types/type-errors.ts";
const SOURCE = `
import { WebSocketServer, refuse, type ConnectionHandler, type WSHandler, type WSMessageEvent, type WebSocketConnection } from "hawser";
class Misspelt { state = 1; onmessage() {} }
class Empty {}
class Whole { onMessage(_ws: WebSocketConnection<Whole>, _event: WSMessageEvent) {} }
class Declared implements ConnectionHandler<"object"> { onMessage(_ws: unknown, _event: WSMessageEvent<string>) {} }
class Bytes { onMessage(_ws: WebSocketConnection<Bytes>, _event: WSMessageEvent<Buffer>) {} }
class Objects { onMessage(_ws: WebSocketConnection<Objects>, _event: WSMessageEvent<{ readonly id: number }>) {} }
declare const typed: WSHandler<"text">;
const server = (handler: () => unknown) => handler;
server(() => new WebSocketServer({ onConnection: () => ({}) }));
server(() => new WebSocketServer({ onConnection: () => new Misspelt() }));
server(() => new WebSocketServer({ async onConnection() { return new Misspelt(); } }));
server(() => new WebSocketServer(new (class { onConnection() { return new Empty(); } })()));
server(() => new WebSocketServer(new (class { async onConnection() { return Math.random() > 1 ? new Empty() : refuse(401); } })()));
server(() => new WebSocketServer({ onConnection: () => Math.random() > 1 ? new Whole() : new Misspelt() }));
server(() => new WebSocketServer(new Whole()));
server(() => new WebSocketServer({ onConnection: () => new Whole() }, { dataType: "object" }));
server(() => new WebSocketServer(new (class { onConnection() { return new Declared(); } })(), { dataType: "object" }));
server(() => new WebSocketServer({ onConnection: async () => new Bytes() }, { dataType: "object" }));
server(() => new WebSocketServer(typed, { dataType: "object" }));
server(() => new WebSocketServer({ onConnection(): ConnectionHandler<"text"> { return new Whole(); } }, { dataType: "object" }));
server(() => new WebSocketServer({ onConnection: () => new Objects() }));
server(() => new WebSocketServer({ onConnection: async () => new Bytes() }));
server(() => new WebSocketServer({ onConnection: () => new Whole() }, { dataType: "blob" }));
server(() => new WebSocketServer(typed, { dataType: "blob" }));
server(() => new WebSocketServer({ onConnection: () => Whole }));
server(() => new WebSocketServer({ onConnection: async () => Empty }));
declare const ws: WebSocketConnection;
server(() => ws.send(Promise.resolve("text")));
server(() => ws.wss.broadcast(new Map([[1, 2]])));
server(() => ws.wss.broadcast(new ReadableStream()));
server(() => ws.publish("topic", new ReadableStream()));
server(() => ws.send(new Error("x")));
server(() => ws.send(() => "text"));
declare const client: WebSocketConnection<Whole, { readonly type: "said"; readonly text: string }, { topic: string } & WSHandler>;
server(() => client.send({ type: "say", text: "x" }));
server(() => client.send({ type: "said", text: "x", from: "y" }));
server(() => client.wss.broadcast("x"));
server(() => client.wss.handler.topci);
server((): WebSocketServer<Whole> | undefined => undefined);
`;

/** The messages of the compiler for each line of `SOURCE` that has some. */
function errors(): Map<string, string> {
  const { config } = ts.readConfigFile("tsconfig.json", (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [FILE] }, ts.sys, ".");
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version, ...more) =>
    name.endsWith(FILE) ? ts.createSourceFile(name, SOURCE, version) : read(name, version, ...more);
  const found = new Map<string, string>();
  const program = ts.createProgram([FILE], options, host);
  for (const { start = 0, messageText } of program.getSemanticDiagnostics(program.getSourceFile(FILE))) {
    const line = SOURCE.slice(0, start).split("\n").length - 1;
    found.set(SOURCE.split("\n")[line] ?? "", ts.flattenDiagnosticMessageText(messageText, "\n"));
  }
  return found;
}

/** What is looked for in a message. */
const SAID = new RegExp(
  [
    "A connection handler needs the method onMessage",
    "onConnection returned a class: return a new object of it",
    "With dataType '(?:object|blob)'",
    "for objects use dataType: 'object', for bytes dataType: 'blob'",
    "takes the server's handler, which has onConnection",
    "A promise cannot be sent: await it first",
    "The JSON of a Map or a Set has nothing of it: send an array or an object",
    "A stream cannot be sent to many: send it on one connection, or its parts as messages",
    "The JSON of an Error does not have its message: send its properties",
    "A function cannot be sent",
    `Type '"say"' is not assignable to type '"said"'`,
    "'from' does not exist in type '{ readonly type: \"said\"; readonly text: string; }'",
    "Argument of type 'string' is not assignable to parameter of type '{ readonly type: \"said\"; readonly text: string; }'",
    "Property 'topci' does not exist on type '{ topic: string; }",
  ].join("|"),
);

test("the compiler's message says what is wrong with a handler", () => {
  const found = errors();
  const lines = SOURCE.split("\n").filter((line) => line.startsWith("server("));
  expect([...found.keys()]).toEqual(lines);
  const saidOf = (line: string): string => {
    const [said = ""] = SAID.exec(found.get(line) ?? "") ?? [found.get(line)];
    return said;
  };
  expect(lines.map(saidOf)).toEqual([
    ...Array<string>(6).fill("A connection handler needs the method onMessage"),
    "takes the server's handler, which has onConnection",
    ...Array<string>(5).fill("With dataType 'object'"),
    ...Array<string>(2).fill("for objects use dataType: 'object', for bytes dataType: 'blob'"),
    ...Array<string>(2).fill("With dataType 'blob'"),
    ...Array<string>(2).fill("onConnection returned a class: return a new object of it"),
    "A promise cannot be sent: await it first",
    "The JSON of a Map or a Set has nothing of it: send an array or an object",
    ...Array<string>(2).fill("A stream cannot be sent to many: send it on one connection, or its parts as messages"),
    "The JSON of an Error does not have its message: send its properties",
    "A function cannot be sent",
    `Type '"say"' is not assignable to type '"said"'`,
    "'from' does not exist in type '{ readonly type: \"said\"; readonly text: string; }'",
    "Argument of type 'string' is not assignable to parameter of type '{ readonly type: \"said\"; readonly text: string; }'",
    "Property 'topci' does not exist on type '{ topic: string; }",
    "takes the server's handler, which has onConnection",
  ]);
});
