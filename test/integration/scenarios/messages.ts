import { expect } from "vitest";
import type { Recorder } from "../../support/live-server.ts";
import { isLong } from "../../support/long.ts";
import type { Content, Peer } from "../clients/client.ts";
import { binary, seen, sizeOf, text } from "../clients/content.ts";
import type { Scenario } from "./scenario.ts";
import { connected } from "./serve.ts";

const MIB = 1024 * 1024;

/** Characters of one, two, three and four bytes, 20 bytes in all: no buffer size is a multiple of it. */
const MIXED = "Grüße, 世界 😀";

/** 251 different bytes: a prime, for the same reason. */
const BYTES = Buffer.from(Array.from({ length: 251 }, (_, index) => index)).toString("hex");

const TEXTS = ["plain ASCII", "äöüß ÄÖÜ", "你好，世界", "😀 👩‍👩‍👧 🇩🇪", "", "\0\r\n\t"].map((words) => text(words));

/** Lengths at which the form of the length on the wire changes, and their neighbours. */
const EDGES = [1, 125, 126, 127, 65_535, 65_536, 65_537];

/** The size of a large message. */
const LARGE = (isLong ? 16 : 3) * MIB;

/** Limits for a large message and a little more, in both directions. */
const LARGE_LIMITS = { maxMessageSize: LARGE + MIB, maxSendQueue: LARGE + 4 * MIB };

async function expectEchoes(peer: Peer, contents: readonly Content[]): Promise<void> {
  for (const content of contents) await peer.send(content);
  expect(await peer.received(contents.length)).toEqual(contents.map((content) => seen(content)));
}

/** What the handler got, in the notation of `seen()`. */
const heard = (recorder: Recorder): string[] =>
  recorder.messages.map((data) =>
    seen(typeof data === "string" ? text(data) : binary((data as Buffer).toString("hex"))),
  );

/** Echoed messages. */
export const messages = {
  "texts come back unchanged": async (client) => {
    const { peer, recorder } = await connected(client);
    await expectEchoes(peer, TEXTS);
    expect(heard(recorder)).toEqual(TEXTS.map((content) => seen(content)));
  },

  "a byte order mark in front of a text is part of it": async (client) => {
    const { peer } = await connected(client);
    await expectEchoes(peer, [text("\u{feff}marked")]);
  },

  "texts of each length at which the frame's form changes come back": async (client) => {
    const { peer } = await connected(client);
    await expectEchoes(
      peer,
      EDGES.map((length) => text("x", length)),
    );
  },

  "binary messages of each length at which the frame's form changes come back": async (client) => {
    const contents = [binary(""), binary(BYTES), ...EDGES.map((length) => binary("a5", length))];
    const { peer, recorder } = await connected(client);
    await expectEchoes(peer, contents);
    expect(heard(recorder)).toEqual(contents.map((content) => seen(content)));
  },

  "a text of many megabytes comes back": async (client) => {
    const { peer } = await connected(client, undefined, LARGE_LIMITS);
    await expectEchoes(peer, [text(MIXED, Math.ceil(LARGE / sizeOf(text(MIXED))))]);
  },

  "a binary message of many megabytes comes back": async (client) => {
    const { peer } = await connected(client, undefined, LARGE_LIMITS);
    await expectEchoes(peer, [binary(BYTES, Math.ceil(LARGE / sizeOf(binary(BYTES))))]);
  },

  "a message that the client sends in fragments arrives as one": async (client) => {
    const { peer, recorder } = await connected(client);
    await peer.fragments([text("one "), text(""), text("zwei ä "), text("三😀", 30_000)], false);
    await peer.fragments([binary("00ff"), binary(""), binary(BYTES, 1000), binary("01")], false);
    const whole = [text(`one zwei ä ${"三😀".repeat(30_000)}`), binary(`00ff${BYTES.repeat(1000)}01`)];
    expect(await peer.received(2)).toEqual(whole.map((content) => seen(content)));
    expect(heard(recorder)).toEqual(whole.map((content) => seen(content)));
  },

  "pings between the fragments of a message are answered at once": async (client) => {
    const { peer, recorder } = await connected(client);
    await peer.fragments([text("first "), text("second "), text("third")], true);
    expect(await peer.received(1)).toEqual(["text: first second third"]);
    expect(heard(recorder)).toEqual(["text: first second third"]);
  },
} satisfies Record<string, Scenario>;
