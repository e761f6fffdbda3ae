import { constants, inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { SLOW, usePage } from "../support/page-project.ts";
import { RawClient, masked } from "../support/raw-client.ts";
import { serve } from "./client.ts";
import { PageClient, printed } from "./page-client.ts";

const project = usePage("docs/guides/compression.md", ["ws", "@types/ws"]);

const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** The payload of a compressed message, as text. */
function inflated(payload: Buffer): string {
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  return inflateRawSync(Buffer.concat([payload, TAIL]), options).toString();
}

/** The messages of `measure.ts`. */
const MESSAGES = [
  "hello",
  JSON.stringify({ symbol: "EUR", price: 1.0842 }),
  JSON.stringify(
    Array.from({ length: 12 }, (_, id) => ({ id, name: `name ${id}`, city: "Oslo", isActive: id % 2 === 0 })),
  ),
];

test(
  "a server that compresses tells each client's agreement, and serves clients without it too",
  async () => {
    const server = await serve(project(), "server.js");
    const compressing = await PageClient.open(server, "/", { perMessageDeflate: { threshold: 0 } });
    await printed(server, "agreed: permessage-deflate; server_no_context_takeover; client_no_context_takeover\n");
    expect(compressing.socket.extensions).toBe("permessage-deflate");
    const plain = await PageClient.open(server, "/", { perMessageDeflate: false });
    await printed(server, "agreed: nothing\n");
    expect(plain.socket.extensions).toBe("");
    for (const client of [compressing, plain]) {
      for (const text of ["short", "long ".repeat(1000), "large ".repeat(50_000)]) {
        client.send(text);
        expect(await client.text()).toBe(text);
      }
    }
  },
  SLOW,
);

test(
  "the sizes that measure.ts prints are those on the wire, from the threshold on",
  async () => {
    const [server, measure] = [await serve(project(), "server.js"), await project().begin("measure.js")];
    await measure.ended;
    const printedSizes = [...measure.output().matchAll(/^(\d+) bytes become (\d+)$/gm)].map(([, before, after]) => ({
      before: Number(before),
      after: Number(after),
    }));
    expect(printedSizes.map(({ before }) => before)).toEqual(MESSAGES.map((message) => message.length));
    const client = await RawClient.open(server.port, "/", OFFER);
    for (const [i, message] of MESSAGES.entries()) {
      client.write(masked(0x81, message));
      const frame = await client.frame();
      const { before, after } = printedSizes[i]!;
      const isSmaller = after < before;
      expect(isSmaller).toBe(i === 2);
      expect([frame?.rsv, frame?.payload.length]).toEqual(isSmaller ? [4, after] : [0, before]);
    }
    expect(printedSizes[2]!.after).toBeLessThan(printedSizes[2]!.before / 4);
  },
  SLOW,
);

test(
  "a secret is sent as it is, next to messages that refer to those before them",
  async () => {
    const server = await serve(project(), "search.js");
    const client = await RawClient.open(server.port, "/", OFFER);
    const secret = await client.frame();
    expect(secret?.rsv).toBe(0);
    expect(JSON.parse(secret?.payload.toString() ?? "")).toEqual({ token: expect.any(String) as string });
    const sizes: number[] = [];
    for (const text of ["this", "that"]) {
      client.write(masked(0x81, text));
      const frame = await client.frame();
      expect(frame?.rsv).toBe(4);
      if (text === "this") expect(inflated(frame!.payload)).toContain("No result for this.");
      sizes.push(frame!.payload.length);
    }
    expect(sizes[1]).toBeLessThan(sizes[0]! / 2);
  },
  SLOW,
);

test(
  "check.ts finds that compression was agreed on, and that its message comes back",
  async () => {
    const server = await serve(project(), "server.js");
    const check = await project().begin("check.js", { PORT: String(server.port) });
    expect(await check.ended).toBe(0);
    expect(check.output()).toBe("permessage-deflate\ntrue\n");
  },
  SLOW,
);
