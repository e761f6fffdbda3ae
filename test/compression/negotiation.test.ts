import { constants, inflateRawSync } from "node:zlib";
import * as ws from "ws";
import { describe, expect, test } from "vitest";
import {
  type DeflateAgreement,
  type DeflatePolicy,
  acceptDeflate,
  offerDeflate,
  readDeflateResponse,
} from "../../src/compression/negotiation.ts";
import { createDeflater } from "../../src/compression/zlib.ts";
import { parseExtensions, serializeExtensions } from "../../src/handshake/rules/extensions.ts";
import type { Extension } from "../../src/protocol/extension.ts";
import { FLUSH, json } from "./samples.ts";

const PLAIN: DeflatePolicy = { windowBits: 12, contextTakeover: false };
const WITH_HISTORY: DeflatePolicy = { windowBits: 12, contextTakeover: true };

function parsed(header: string): Extension[] {
  const extensions = parseExtensions(header);
  if (extensions === undefined) throw new Error(`The header breaks the grammar: ${header}`);
  return extensions;
}

/** The header of the response to the header of a request; undefined: no extension. */
function response(header: string, policy = PLAIN): string | undefined {
  const accepted = acceptDeflate(parsed(header), policy);
  return accepted && serializeExtensions([accepted.response]);
}

function agreement(header: string, policy = PLAIN): DeflateAgreement | undefined {
  return acceptDeflate(parsed(header), policy)?.agreement;
}

const NONE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const HISTORY = "permessage-deflate; client_no_context_takeover";

describe("a server accepts", () => {
  // The offer; the response without context takeover; the response with it.
  // shows 7692-5-2, 7692-5-3, 7692-7.1.1-1, 7692-7.1.2-3
  test.each([
    // RFC 7692 7.1.3 has these three.
    ["permessage-deflate", NONE, HISTORY],
    [
      "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
      `${NONE}; server_max_window_bits=10`,
      `${HISTORY}; server_max_window_bits=10`,
    ],
    [
      "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits",
      `${NONE}; server_max_window_bits=10`,
      `${HISTORY}; server_max_window_bits=10`,
    ],
    // RFC 7692 7.1.1
    ["permessage-deflate; server_no_context_takeover", NONE, NONE],
    ["permessage-deflate; client_no_context_takeover", NONE, HISTORY],
    ["permessage-deflate; client_no_context_takeover; server_no_context_takeover", NONE, NONE],
    // RFC 7692 7.1.2.1: the same value or a smaller one
    ["permessage-deflate; server_max_window_bits=9", `${NONE}; server_max_window_bits=9`, undefined],
    ["permessage-deflate; server_max_window_bits=12", `${NONE}; server_max_window_bits=12`, undefined],
    ["permessage-deflate; server_max_window_bits=15", `${NONE}; server_max_window_bits=12`, undefined],
    ['permessage-deflate; server_max_window_bits="10"', `${NONE}; server_max_window_bits=10`, undefined],
    // RFC 7692 7.1.2.2: with and without a value
    ["permessage-deflate; client_max_window_bits", NONE, HISTORY],
    ["permessage-deflate; client_max_window_bits=8", NONE, HISTORY],
    ["permessage-deflate; client_max_window_bits=15", NONE, HISTORY],
    ['permessage-deflate; client_max_window_bits="8"', NONE, HISTORY],
    // All of them, as some clients do.
    [
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=10",
      `${NONE}; server_max_window_bits=11`,
      `${NONE}; server_max_window_bits=11`,
    ],
    // Other extensions, before and after.
    ["x-webkit-deflate-frame, permessage-deflate", NONE, HISTORY],
    ["permessage-bzip2; level=9, permessage-deflate; client_max_window_bits, mux", NONE, HISTORY],
  ])("%s", (offer, plain, history) => {
    expect(response(offer)).toBe(plain);
    if (history !== undefined) expect(response(offer, WITH_HISTORY)).toBe(history);
  });
});

/** Offers that must be declined (RFC 7692 7.1), and one that zlib cannot keep. */
const UNACCEPTABLE = [
  "permessage-deflate; unknown",
  "permessage-deflate; unknown=1",
  "permessage-deflate; Server_no_context_takeover",
  "permessage-deflate; server_no_context_takeover=true",
  "permessage-deflate; server_no_context_takeover=1",
  'permessage-deflate; client_no_context_takeover="x"',
  "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
  "permessage-deflate; client_max_window_bits; client_max_window_bits",
  "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
  "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
  "permessage-deflate; server_max_window_bits",
  "permessage-deflate; server_max_window_bits=8",
  "permessage-deflate; server_max_window_bits=7",
  "permessage-deflate; server_max_window_bits=16",
  "permessage-deflate; server_max_window_bits=0",
  "permessage-deflate; server_max_window_bits=010",
  "permessage-deflate; server_max_window_bits=+10",
  "permessage-deflate; server_max_window_bits=-10",
  "permessage-deflate; server_max_window_bits=1e1",
  "permessage-deflate; server_max_window_bits=0xa",
  "permessage-deflate; server_max_window_bits=10.0",
  "permessage-deflate; server_max_window_bits=100",
  "permessage-deflate; client_max_window_bits=7",
  "permessage-deflate; client_max_window_bits=16",
  "permessage-deflate; client_max_window_bits=08",
  "permessage-deflate; client_max_window_bits=true",
  "permessage-deflate; __proto__",
  "permessage-deflate; constructor",
  "permessage-deflate; hasOwnProperty=1",
];

describe("a server declines", () => {
  // shows 7692-7-1, 7692-7-2, 7692-7-3, 7692-7-4, 7692-7.1.1-3, 7692-7.1.2-1
  test.each(UNACCEPTABLE)("%s, and looks at the next offer", (offer) => {
    expect(response(offer)).toBeUndefined();
    expect(response(`${offer}, permessage-deflate; server_max_window_bits=9`)).toBe(
      `${NONE}; server_max_window_bits=9`,
    );
  });

  test.each(["permessage-deflated", "Permessage-Deflate", "x-webkit-deflate-frame", "permessage-bzip2; level=9"])(
    "%s, which is another extension",
    (offer) => {
      expect(response(offer)).toBeUndefined();
    },
  );

  test("no extension at all", () => {
    expect(acceptDeflate([], PLAIN)).toBeUndefined();
  });
});

describe("a server's agreement", () => {
  test("has its own window, or the smaller one that was offered", () => {
    expect(agreement("permessage-deflate")).toEqual({
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 12,
      clientMaxWindowBits: 15,
    });
    expect(agreement("permessage-deflate; server_max_window_bits=10")?.serverMaxWindowBits).toBe(10);
    expect(agreement("permessage-deflate; server_max_window_bits=15")?.serverMaxWindowBits).toBe(12);
  });

  test("has a history if the server keeps one, unless the client does not want it", () => {
    expect(agreement("permessage-deflate", WITH_HISTORY)?.serverNoContextTakeover).toBe(false);
    expect(agreement("permessage-deflate; server_no_context_takeover", WITH_HISTORY)?.serverNoContextTakeover).toBe(
      true,
    );
  });

  test("never has a history of the client's, and its window does not matter", () => {
    const found = agreement("permessage-deflate; client_max_window_bits=8", WITH_HISTORY);
    expect([found?.clientNoContextTakeover, found?.clientMaxWindowBits]).toEqual([true, 15]);
  });
});

describe("a client", () => {
  // shows 7692-5-1
  test("offers what keeps its inflater shared", () => {
    expect(serializeExtensions([offerDeflate(WITH_HISTORY)])).toBe(
      "permessage-deflate; server_no_context_takeover; client_max_window_bits",
    );
    expect(serializeExtensions([offerDeflate(PLAIN)])).toBe(
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
    );
  });

  test("goes on without compression if the server chose none", () => {
    expect(readDeflateResponse([], PLAIN)).toBeUndefined();
  });

  // The response; whether the client may keep a history; the windows of the server and the client.
  // shows 7692-7.1.1-4, 7692-7.1.2-2
  test.each([
    ["permessage-deflate; server_no_context_takeover", true, 15, 12],
    ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", false, 15, 12],
    ["permessage-deflate; client_max_window_bits=10; server_no_context_takeover", true, 15, 10],
    ["permessage-deflate; server_no_context_takeover; client_max_window_bits=15", true, 15, 12],
    ["permessage-deflate; server_no_context_takeover; client_max_window_bits=8", true, 15, 8],
    // RFC 7692 7.1.2.1: a server may say this without being asked.
    ["permessage-deflate; server_no_context_takeover; server_max_window_bits=8", true, 8, 12],
  ])("accepts %s", (header, history, server, client) => {
    expect(readDeflateResponse(parsed(header), WITH_HISTORY)).toEqual({
      serverNoContextTakeover: true,
      clientNoContextTakeover: !history,
      serverMaxWindowBits: server,
      clientMaxWindowBits: client,
    });
    const plain = readDeflateResponse(parsed(header), PLAIN);
    expect(plain).toMatchObject({ clientNoContextTakeover: true });
  });

  // shows 7692-5-5, 7692-7-5, 7692-7-6, 7692-7.1.2-2
  test.each([
    ["permessage-deflate", "server_no_context_takeover was offered and is missing"],
    ["permessage-deflate; client_no_context_takeover", "server_no_context_takeover was offered and is missing"],
    ["permessage-deflate; server_no_context_takeover; client_max_window_bits", "has no value in a response"],
    ["permessage-deflate; server_no_context_takeover; server_max_window_bits", "has no value"],
    ["permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover", "twice"],
    ["permessage-deflate; server_no_context_takeover, mux", "not offered: mux"],
    ["mux", "not offered: mux"],
    ["mux, permessage-deflate; server_no_context_takeover", "not offered: mux"],
    ["permessage-deflate; server_no_context_takeover; unknown", "unknown parameter: unknown"],
    ["permessage-deflate; server_no_context_takeover; server_no_context_takeover", "came twice"],
    ["permessage-deflate; server_no_context_takeover=1", "has a value"],
    ["permessage-deflate; server_no_context_takeover; client_max_window_bits=7", "invalid value"],
    ["permessage-deflate; server_no_context_takeover; client_max_window_bits=16", "invalid value"],
    ["permessage-deflate; server_no_context_takeover; server_max_window_bits=09", "invalid value"],
  ])("fails the handshake for %s", (header, reason) => {
    expect(readDeflateResponse(parsed(header), PLAIN)).toContain(reason);
  });

  // A server may ask for a window of 8. zlib takes 9 and does not use its last 262 bytes, so 250 are left: RFC 7692 is kept.
  // shows 7692-7.1.2-2, 7692-7.2.1-3
  test("that gets a window of 8 keeps to it, although zlib has none", () => {
    const deflater = createDeflater({ level: 9, memLevel: 9, windowBits: 9 });
    for (const size of [300, 1000, 50_000]) {
      const message = json(size);
      const blocks = deflater.deflate(message, 0, size);
      const read = inflateRawSync(Buffer.concat([blocks, FLUSH]), {
        windowBits: 8,
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      expect(read.equals(message)).toBe(true);
      deflater.reset();
    }
  });
});

/** `ws`'s own negotiation, which its types do not have. */
interface WsDeflate {
  offer(): Record<string, number | true>;
  accept(configurations: Record<string, unknown>[]): Record<string, unknown>;
}
const { PerMessageDeflate, extension } = ws as unknown as {
  PerMessageDeflate: new (options: object) => WsDeflate;
  extension: {
    format(extensions: Record<string, object>): string;
    parse(header: string): Record<string, Record<string, unknown>[]>;
  };
};

const BOOLEANS = [undefined, false, true];
const WINDOWS = [undefined, false, true, 8, 9, 10, 15];

describe("with ws", () => {
  const clients: object[] = [];
  for (const serverNoContextTakeover of BOOLEANS)
    for (const clientNoContextTakeover of BOOLEANS)
      for (const serverMaxWindowBits of [undefined, 8, 9, 12, 15])
        for (const clientMaxWindowBits of WINDOWS)
          clients.push({ serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits });

  test("every offer of its client is accepted, and it accepts every response", () => {
    let refused = 0;
    for (const options of clients) {
      const client = new PerMessageDeflate(options);
      const header = extension.format({ "permessage-deflate": client.offer() });
      for (const policy of [PLAIN, WITH_HISTORY, { windowBits: 15, contextTakeover: true }]) {
        const answer = response(header, policy);
        const found = agreement(header, policy);
        if (header.includes("server_max_window_bits=8")) {
          expect(answer).toBeUndefined();
          refused++;
          continue;
        }
        const configurations = extension.parse(answer ?? "")["permessage-deflate"] ?? [];
        const isForbidden = (options as { clientNoContextTakeover?: boolean }).clientNoContextTakeover === false;
        // An option of ws by which its client insists on a history: the server does not keep one.
        if (isForbidden) expect(() => client.accept(configurations)).toThrow("client_no_context_takeover");
        else
          expect(client.accept(configurations)["server_no_context_takeover"] === true).toBe(
            found?.serverNoContextTakeover,
          );
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  test("its server's response to our offer is read as it is meant, or refused if it has a history", () => {
    const servers = clients as Record<string, unknown>[];
    const outcomes = new Set<string>();
    for (const options of servers) {
      for (const policy of [PLAIN, WITH_HISTORY]) {
        const header = serializeExtensions([offerDeflate(policy)]);
        const server = new PerMessageDeflate({ ...options, isServer: true });
        let accepted: Record<string, unknown>;
        try {
          accepted = server.accept(extension.parse(header)["permessage-deflate"] ?? []);
        } catch {
          // Its options forbid what we offer.
          expect(options["serverNoContextTakeover"]).toBe(false);
          outcomes.add("declined");
          continue;
        }
        const answer = extension.format({ "permessage-deflate": accepted });
        const read = readDeflateResponse(parsed(answer), policy);
        expect(read).toMatchObject({
          serverNoContextTakeover: true,
          clientNoContextTakeover: !policy.contextTakeover || accepted["client_no_context_takeover"] === true,
          clientMaxWindowBits: Math.min(policy.windowBits, Number(accepted["client_max_window_bits"] ?? 15)),
        });
        outcomes.add("accepted");
      }
    }
    expect([...outcomes].sort()).toEqual(["accepted", "declined"]);
  });

  test.each(UNACCEPTABLE.filter((offer) => !/=(8|0xa|1e1|10\.0|010|\+10|08)$/.test(offer)))(
    "its server, too, refuses %s",
    (offer) => {
      const server = new PerMessageDeflate({ isServer: true });
      expect(() => server.accept(extension.parse(offer)["permessage-deflate"] ?? [])).toThrow();
    },
  );
});
