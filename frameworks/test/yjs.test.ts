// runs on: Yjs | @y/websocket-server | `WsServer` for `setupWSConnection`
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { start } from "./support.js";

interface Editor {
  readonly doc: Y.Doc;
  readonly provider: WebsocketProvider;
}

function editorOf(t: TestContext, port: number): Editor {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`ws://127.0.0.1:${port}`, "page", doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    maxBackoffTime: 20,
  });
  t.after(() => {
    provider.destroy();
    doc.destroy();
  });
  return { doc, provider };
}

/** Waits until `find` is true, which it asks after each change. */
function until(
  emitter: { on(name: never, listener: () => void): unknown },
  name: string,
  find: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (find()) resolve();
    };
    emitter.on(name as never, look);
    look();
  });
}

const synced = ({ provider }: Editor): Promise<void> => until(provider as never, "sync", () => provider.synced);
const textOf = ({ doc }: Editor): string => doc.getText("text").toString();

test("two editors have one document, also after a long text", async (t) => {
  const { port } = await start("yjs.js");
  const [ann, bob] = [editorOf(t, port), editorOf(t, port)];
  await Promise.all([synced(ann), synced(bob)]);
  ann.doc.getText("text").insert(0, "Hello ");
  await until(bob.doc as never, "update", () => textOf(bob) === "Hello ");
  bob.doc.getText("text").insert(6, "x".repeat(300_000));
  await until(ann.doc as never, "update", () => textOf(ann).length === 300_006);
  assert.equal(textOf(ann), textOf(bob));
});

test("an editor sees who is there, and who has gone", async (t) => {
  const { port } = await start("yjs.js");
  const [ann, bob] = [editorOf(t, port), editorOf(t, port)];
  await Promise.all([synced(ann), synced(bob)]);
  const names = (): unknown[] => [...ann.provider.awareness.getStates().values()].map((state) => state["name"]);
  bob.provider.awareness.setLocalStateField("name", "bob");
  await until(ann.provider.awareness as never, "change", () => names().includes("bob"));
  // Cut, without a word: the server notices it and tells the others.
  bob.provider.shouldConnect = false;
  (bob.provider.ws as unknown as WebSocket).terminate();
  await until(ann.provider.awareness as never, "change", () => !names().includes("bob"));
  assert.deepEqual(names().filter(Boolean), []);
});

test("a restart: the editor comes back, and the new server gets the document from it", async (t) => {
  const program = await start("yjs.js");
  const ann = editorOf(t, program.port);
  await synced(ann);
  ann.doc.getText("text").insert(0, "kept");
  const closed = new Promise<number | undefined>((resolve) => {
    ann.provider.on("connection-close", (event) => resolve((event as { code: number } | null)?.code));
  });
  // It ends by itself: no timer is left.
  assert.equal(await program.stop(), 0);
  assert.equal(await closed, 1001);
  assert.equal(program.output(), "");
  const again = await start("yjs.js", { PORT: String(program.port) });
  const bob = editorOf(t, again.port);
  await until(bob.doc as never, "update", () => textOf(bob) === "kept");
  assert.equal(textOf(bob), "kept");
});
