import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILT } from "../measure/builds.ts";
import { OPCODE, clientFrame } from "../wire/frames.ts";
import { check, parseAll, writeAll } from "./check.ts";
import type { Engine } from "./engine.ts";
import { clientChunks, messagesOf, payloadsOf, serverStream } from "./messages.ts";
import { loadHawser } from "./ours.ts";
import { wsEngine } from "./theirs.ts";
import { ALL_ENGINE_WORK, parseEngineWork, selectEngineWork } from "./work.ts";

const hawser = await loadHawser(BUILT);
const TEXTS = ["", "Grüße", "日本語のテキスト", "👋".repeat(40), "ä".repeat(70_000)];

test("both engines give the right results for all usual workloads", () => {
  for (const work of selectEngineWork(ALL_ENGINE_WORK)) {
    check(work, hawser);
    check(work, wsEngine);
  }
});

test("both parsers return the messages that were sent, for each form of the length and wherever the frames are cut", () => {
  for (const id of [
    "parse-text-125",
    "parse-text-126",
    "parse-binary-65535",
    "parse-cut-1",
    "parse-cut-300",
    "parse-fragments-3",
  ]) {
    const work = parseEngineWork(id);
    const payloads = payloadsOf(work);
    const chunks = clientChunks(work, payloads);
    const ours = parseAll(hawser, chunks);
    assert.deepEqual(ours, messagesOf(work, payloads), id);
    assert.deepEqual(ours, parseAll(wsEngine, chunks), id);
  }
});

test("both writers give the same frames, for each form of the length", () => {
  for (const id of ["write-text-125", "write-text-126", "write-text-64k", "write-binary-1", "write-binary-65535"]) {
    const work = parseEngineWork(id);
    const payloads = payloadsOf(work);
    const ours = writeAll(hawser, messagesOf(work, payloads));
    assert.ok(ours.equals(serverStream(work, payloads)), id);
    assert.ok(ours.equals(writeAll(wsEngine, messagesOf(work, payloads))), id);
  }
});

test("both engines agree on texts that are not ASCII", () => {
  const chunks = TEXTS.map((text) => clientFrame(OPCODE.text, Buffer.from(text)));
  assert.deepEqual(parseAll(hawser, chunks), TEXTS);
  assert.deepEqual(parseAll(wsEngine, chunks), TEXTS);
  assert.ok(writeAll(hawser, TEXTS).equals(writeAll(wsEngine, TEXTS)));
});

test("an engine with other results fails the check", () => {
  const swapping: Engine = {
    parser: (take) => wsEngine.parser((message) => take([...message.toString()].reverse().join(""))),
    writer: (stream) => {
      const write = wsEngine.writer(stream);
      return (messages) => write(messages.toReversed());
    },
  };
  const silent: Engine = { parser: () => () => undefined, writer: () => () => undefined };
  assert.throws(() => check(parseEngineWork("parse-text-20"), swapping), /another message 0/);
  assert.throws(() => check(parseEngineWork("parse-text-20"), silent), /0 messages/);
  for (const engine of [swapping, silent]) {
    assert.throws(() => check(parseEngineWork("write-text-20"), engine), /other bytes/);
  }
});
