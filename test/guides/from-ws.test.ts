import { once } from "node:events";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { SLOW, usePage } from "../support/page-project.ts";

const project = usePage("docs/guides/from-ws.md");

test(
  "the server after the port answers as the one before",
  async () => {
    const server = await project().start("chat.js");
    const ann = new WebSocket(`ws://127.0.0.1:${String(server.port)}/?name=ann`);
    await once(ann, "open");
    ann.send("hello");
    const [data] = (await once(ann, "message")) as [Buffer];
    expect(data.toString()).toBe("ann: hello");
    ann.terminate();
    await server.stop();
  },
  SLOW,
);
