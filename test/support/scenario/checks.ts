import { ProtocolError } from "hawser";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import type { Member } from "./member.ts";
import { compare } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import type { ScenarioServer } from "./scenario-server.ts";
import type { World } from "./world.ts";

/** A connection and its peer, while both do all that they owe. */
export interface Calm {
  readonly peer: Peer;
  readonly member: Member;
}

/** The connections that are open, and whose peer takes and answers everything. */
export function calmOf(peers: readonly Peer[], servers: readonly ScenarioServer[]): Calm[] {
  return peers.flatMap((peer) => {
    const member = servers.flatMap(({ members }) => members.get(peer.name) ?? [])[0];
    return peer.isCalm && member?.ws?.status === "Connected" && !member.isStuck ? [{ peer, member }] : [];
  });
}

/** What a connection has still to do; undefined: nothing. Nothing waits for anything else, so it must be done at last. */
export function missing({ peer, member }: Calm): string | undefined {
  const { ws, received, waitsSince, server } = member;
  if (ws?.status !== "Connected" || !peer.isCalm || member.isStuck) return undefined;
  const { pending, written } = ws.counters;
  if (received !== peer.said) return `${received} of ${peer.said} messages were received by the server`;
  if (pending !== 0 || ws.bufferedAmount !== 0)
    return `${pending} messages and ${ws.bufferedAmount} bytes wait for a peer that reads`;
  if (peer.received.length !== written)
    return `${peer.received.length} of ${written} messages were received by the peer`;
  const open = server.world.unsettled(member);
  if (open.length > 0) return `has not settled: ${open.join(", ")}`;
  return waitsSince === undefined ? undefined : "send returned false, and no onDrain followed";
}

/** The peer's messages and the connection's, at the end. */
export function checkPeer(world: World, peer: Peer, member: Member | undefined): void {
  const fault = (text: string): void => world.fault(`${peer.name} (${peer.ending}, ${peer.wish}): ${text}`);
  checkStatus(peer, fault);
  if (member === undefined) {
    if (peer.received.length > 0) fault("received messages without a connection");
    return;
  }
  const { ws, calls, given, received, end, server } = member;
  if (ws === undefined) return;
  if (!/^open( message| drain)*( error)? terminate$/.test(calls.join(" ")))
    fault(`calls: ${calls.slice(-8).join(" ")}`);
  if (ws.status !== "Closed") fault(`the status is ${ws.status}`);
  const { accepted, written, dropped, pending } = ws.counters;
  if (accepted !== given.length || accepted !== written + dropped || pending !== 0)
    fault(
      `counters: ${given.length} given, ${accepted} accepted, ${written} written, ${dropped} dropped, ${pending} pending`,
    );
  const wrong = compare(server.options.sendQueuePolicy, given, peer.received);
  if (wrong !== undefined) fault(`${server.options.sendQueuePolicy}: ${wrong}`);
  // When a connection was cut, messages that the system may have taken count as dropped.
  const isCut = dropped > 0 && end?.cause !== undefined;
  if (peer.received.length > (isCut ? accepted : written))
    fault(`received ${peer.received.length} messages of ${written} that were written`);
  // A close frame comes after all that was written.
  if (peer.closedBy !== undefined && (isCut ? peer.received.length < written : peer.received.length !== written))
    fault(`received ${peer.received.length} of ${written} messages before the close frame ${peer.closedBy}`);
  if (peer.ending !== "break" && member.error instanceof ProtocolError)
    fault(`it made no mistake, but: ${member.error.message}`);
  if (received > peer.said) fault(`the server received ${received} messages of ${peer.said}`);
  const closedByPeer = end !== undefined && end.code === peer.closedWith && end.reason === `done ${peer.name}`;
  const isUndisturbed = !member.hasTerminated && !server.isTerminating && !calls.includes("error");
  const { idleTimeout, maxLifetime } = server.wss.counters.limits;
  if (closedByPeer && isUndisturbed && idleTimeout + maxLifetime === 0 && received !== peer.said)
    fault(`the server received ${received} of ${peer.said} messages before the close frame`);
}

/** The status of a refusal is the one that the peer's wish causes, or that of a limit. */
function checkStatus({ status, wish }: Peer, fault: (text: string) => void): void {
  const expected: Readonly<Record<string, number>> = {
    null: 403,
    refuse: 422,
    throw: 500,
    "unknown path": 404,
    never: 503,
  };
  // After its server has ended, another one answers 404, or the web server takes the request for a plain one, and the
  // frames after it for a bad one.
  const allowed = [0, 400, 404, 429, 503, expected[wish] ?? 101];
  if (!allowed.includes(status)) fault(`was answered with ${status}`);
}

/** What must hold when a server has ended. */
export function checkEnd(world: World, server: ScenarioServer): void {
  const { wss, members, ends, name } = server;
  const fault = (text: string): void => world.fault(`${name}: ${text}`);
  // A handler whose client was refused before `onConnection` returned it gets `onTerminate` only.
  const called = [...members.values()].filter(({ calls }) => calls.length > 0);
  const opened = called.filter(({ calls }) => calls[0] === "open");
  const late = called.filter(({ calls }) => calls[0] !== "open");
  for (const { calls } of late) if (calls.join(" ") !== "terminate") fault(`without onOpen: ${calls.join(" ")}`);
  const { connections, messages } = wss.counters;
  if (!wss.terminated) fault("is not terminated");
  if (wss.connections.length > 0) fault(`${wss.connections.length} connections are open`);
  if (connections.opened !== opened.length || connections.closed !== opened.length)
    fault(`${connections.opened} opened, ${connections.closed} closed, expected ${opened.length}`);
  if (ends !== 1) fault(`onTerminate was called ${ends} times`);
  for (const kind of ["accepted", "written", "dropped", "pending"] as const) {
    const sum = opened.reduce((all, { ws }) => all + (ws?.counters[kind] ?? 0), 0);
    if (messages[kind] !== sum) fault(`counters: ${messages[kind]} ${kind}, but its connections have ${sum}`);
  }
}

/** What must hold when everything has ended. */
export function checkSettled(world: World): void {
  const open = world.unsettled();
  if (open.length > 0) world.fault(`has not settled: ${open.join(", ")}`);
  const lost = world.unreported();
  if (lost.length > 0) world.fault(`no one was told what was thrown in: ${lost.join(", ")}`);
  if (sendBudget.total !== 0) world.fault(`the send budget counts ${sendBudget.total} bytes`);
  world.checkKept();
}
