import assert from "node:assert/strict";
import { test } from "node:test";
import { findNode } from "./node.ts";

test("a Node is found by its path, and by the beginning of its version", () => {
  const running = { executable: process.execPath, version: process.version };
  const [major, minor] = process.version.slice(1).split(".");
  for (const wanted of [process.execPath, process.version, major!, `${major!}.${minor!}`, `v${major!}`]) {
    assert.deepEqual(findNode(wanted), running);
  }
});

test("a Node that does not exist is refused, with those that exist", () => {
  assert.throws(() => findNode("1"), new RegExp(`no Node 1 on this machine .*${process.version}`));
  assert.throws(() => findNode("/nowhere/node"), /is no executable of Node/);
  assert.throws(() => findNode(import.meta.filename), /is no executable of Node/);
});
