import assert from "node:assert/strict";
import { test } from "node:test";
import { PEERS, echoServerOf, selectPeers, withBaseline, withBuild, withNode } from "./peers.ts";
import { ALL_WORK, REDIS_WORK, selectWork } from "./work.ts";

function serving(id: string): string[] {
  const [work] = selectWork([id]);
  return PEERS.filter((peer) => peer.serves(work!)).map((peer) => peer.id);
}

test("with compression the servers that compress are measured, and hawser without it", () => {
  for (const id of ["deflate-1k-16", "deflate-fan-500-16", "deflate-memory-10000"]) {
    assert.deepEqual(serving(id), ["hawser-deflate", "hawser-deflate-pool", "ws-deflate", "bun-deflate", "hawser"]);
  }
});

test("without compression no server compresses, and the first one is hawser", () => {
  for (const id of ALL_WORK.filter((each) => !/^(?:deflate|client)/.test(each))) {
    const ids = serving(id);
    assert.equal(ids[0], "hawser");
    assert.ok(ids.every((each) => !each.includes("deflate")));
  }
});

test("the clients are measured alone, and answered by the server of the same build", () => {
  for (const id of ALL_WORK.filter((each) => each.startsWith("client")))
    assert.deepEqual(serving(id), ["hawser-client", "ws-client", "undici"]);
  const [client] = selectPeers(["hawser-client"]).map((peer) => withBuild(peer, "there"));
  assert.deepEqual(
    [echoServerOf([client!]).script, echoServerOf([client!]).environment],
    ["hawser.js", { HAWSER_BUILD: "there" }],
  );
});

test("with Redis two servers of each kind are measured, or what ours store, and nothing else", () => {
  for (const id of REDIS_WORK)
    assert.deepEqual(
      serving(id),
      id.startsWith("redis-append")
        ? ["hawser-append"]
        : ["hawser-redis", "hawser-redis-history", "socket.io-redis", "socket.io-streams"],
    );
});

test("another build is measured after each peer that it can be compared with", () => {
  const peers = withBaseline(selectPeers(["hawser", "hawser-deflate", "ws"]), "there");
  assert.deepEqual(
    peers.map((peer) => [peer.id, peer.environment?.["HAWSER_BUILD"]]),
    [
      ["hawser-deflate", undefined],
      ["hawser-deflate-base", "there"],
      ["hawser", undefined],
      ["hawser-base", "there"],
      ["ws", undefined],
    ],
  );
});

test("only servers that run on Node get another Node", () => {
  const [ws, bun] = selectPeers(["ws", "bun"]).map((peer) => withNode(peer, "/a/node").node);
  assert.deepEqual([ws, bun], ["/a/node", undefined]);
});
