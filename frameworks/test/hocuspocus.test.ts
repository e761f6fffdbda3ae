// runs on: Hocuspocus | @hocuspocus/server | `socketHandler` for `handleConnection`
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { start } from "./support.js";

interface Editor {
  readonly doc: Y.Doc;
  readonly provider: HocuspocusProvider;
  /** The codes of the connections that were closed. */
  readonly closes: number[];
}

function editorOf(t: TestContext, port: number, token = "ann's token"): Editor {
  const doc = new Y.Doc();
  const closes: number[] = [];
  const websocketProvider = new HocuspocusProviderWebsocket({
    url: `ws://127.0.0.1:${port}`,
    WebSocketPolyfill: WebSocket,
    delay: 20,
    minDelay: 20,
    jitter: false,
    onClose: ({ event }) => closes.push(event.code),
  });
  const provider = new HocuspocusProvider({ websocketProvider, name: "page", document: doc, token });
  provider.attach();
  t.after(() => {
    provider.destroy();
    websocketProvider.destroy();
    doc.destroy();
  });
  return { doc, provider, closes };
}

/** Waits until `find` is true, which it asks after each event. */
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

const synced = ({ provider }: Editor): Promise<void> => until(provider as never, "synced", () => provider.isSynced);
const textOf = ({ doc }: Editor): string => doc.getText("text").toString();

test("two editors have one document and see each other", async (t) => {
  const program = await start("hocuspocus.js");
  const [ann, bob] = [editorOf(t, program.port), editorOf(t, program.port)];
  await Promise.all([synced(ann), synced(bob)]);
  ann.doc.getText("text").insert(0, "Hello");
  await until(bob.doc as never, "update", () => textOf(bob) === "Hello");
  bob.provider.setAwarenessField("name", "bob");
  const names = (): unknown[] => [...(ann.provider.awareness?.getStates().values() ?? [])].map((one) => one["name"]);
  await until(ann.provider.awareness as never, "change", () => names().includes("bob"));
  assert.equal(textOf(bob), "Hello");
  assert.equal(program.output(), "");
});

test("a client with a wrong token is refused", async (t) => {
  const { port } = await start("hocuspocus.js");
  const { provider } = editorOf(t, port, "mallory's");
  const reason = await new Promise((resolve) => provider.on("authenticationFailed", resolve));
  assert.deepEqual(reason, { reason: "permission-denied" });
});

test("a restart closes with 1001, and the editor brings its document to the new server", async (t) => {
  const program = await start("hocuspocus.js");
  const ann = editorOf(t, program.port);
  await synced(ann);
  ann.doc.getText("text").insert(0, "kept");
  // It ends by itself: no timer is left.
  assert.equal(await program.stop(), 0);
  const again = await start("hocuspocus.js", { PORT: String(program.port) });
  const bob = editorOf(t, again.port);
  await until(bob.doc as never, "update", () => textOf(bob) === "kept");
  assert.equal(textOf(bob), "kept");
  assert.equal(ann.closes[0], 1001);
  assert.equal(program.output(), "");
});
