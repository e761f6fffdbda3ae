import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "vitest";
import type { Reactions } from "../../support/live-server.ts";
import { certificate } from "../../support/certificate.ts";
import { isLong } from "../../support/long.ts";
import { seen, text } from "../clients/content.ts";
import { Http2Client } from "../clients/http2.ts";
import { OurClient } from "../clients/ours.ts";
import { WsClient } from "../clients/ws.ts";
import type { Scenario } from "./scenario.ts";
import { connect, connected, serve } from "./serve.ts";

const BURST = isLong ? 10_000 : 3_000;
const KIB = 1024;

/** More than the buffers of the kernel and of any client take, so that messages wait in the server. */
const BLOCKS = 512;
const BLOCK = 64 * KIB;

/** A block that contains its number. */
const block = (n: number): string => `${n}`.padStart(BLOCK, ".");

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `text: ${n}`);

/** Many messages, many clients, slow clients. */
export const load = {
  "a burst of messages comes back in order": async (client) => {
    const { peer, recorder } = await connected(client);
    await peer.count(BURST);
    expect(await peer.received(BURST)).toEqual(numbers(BURST));
    expect(recorder.messages).toHaveLength(BURST);
  },

  "a burst of messages sent in one turn arrives in order": async (client) => {
    const react: Reactions = {
      message(ws) {
        for (let n = 0; n < BURST; n++) ws.send(`${n}`);
      },
    };
    const { peer } = await connected(client, react);
    await peer.send(text("go"));
    expect(await peer.received(BURST)).toEqual(numbers(BURST));
  },

  "the messages of one of several clients reach all others, in order": async (client) => {
    const { url, wss } = await serve({ message: (ws, data) => void ws.wss.broadcast(data, { except: ws }) });
    const peers = await Promise.all(Array.from({ length: 5 }, () => connect(client, url)));
    expect(wss.connections.length).toBe(5);
    const [speaker, ...listeners] = peers;
    await speaker!.count(100);
    for (const listener of listeners) expect(await listener.received(100)).toEqual(numbers(100));
    await listeners[0]!.send(text("only this"));
    expect(await speaker!.received(1)).toEqual(["text: only this"]);
  },

  "a client that reads late gets everything in order, and delays no other": async (client) => {
    const { url, wss, recorders } = await serve(undefined, { maxSendQueue: 2 * BLOCKS * BLOCK });
    const slow = await connect(client, url);
    // Over HTTP/2 it is a stream of the same session, if pausing the one does not pause all.
    const other = await connect(
      client instanceof Http2Client || client instanceof OurClient ? client : new WsClient({ ca: certificate.cert }),
      url,
    );
    const [ws] = wss.connections;
    await slow.pause();
    const accepted: boolean[] = [];
    for (let n = 0; n < BLOCKS; n++) {
      accepted.push(ws!.send(block(n)));
      await nextTurn();
    }
    expect(accepted.at(-1)).toBe(false);
    await other.send(text("and me?"));
    expect(await other.received(1)).toEqual(["text: and me?"]);
    expect(ws!.bufferedAmount).toBeGreaterThan(1024 * KIB);
    await slow.resume();
    const received = await slow.received(BLOCKS);
    expect(received).toEqual(Array.from({ length: BLOCKS }, (_, n) => seen(text(block(n)))));
    await slow.send(text("done"));
    expect(await slow.received(1)).toEqual(["text: done"]);
    expect(ws!.bufferedAmount).toBe(0);
    expect(recorders[0]!.calls).toEqual([["open"], ["message", "done"]]);
  },
} satisfies Record<string, Scenario>;
