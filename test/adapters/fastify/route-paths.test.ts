import { describe, expect, test } from "vitest";
import { RoutePaths } from "../../../src/adapters/fastify/route-paths.ts";

function pathsOf(...urls: readonly string[]): RoutePaths {
  const paths = new RoutePaths();
  for (const url of urls) paths.add(url);
  return paths;
}

describe("RoutePaths", () => {
  test.each([
    ["/", "/"],
    ["/live", "/live"],
    ["/live", "/LIVE/"],
    ["/live", "//live"],
    ["/rooms/:id", "/rooms/7"],
    ["/rooms/:id/members/:name", "/rooms/7/members/ann%20b"],
    ["/files/*", "/files/a/b"],
    ["*", "/anything/at/all"],
    ["/:a-:b", "/1-2"],
    ["/at/:hour(^\\d{2})h", "/at/12h"],
    ["/maybe/:id?", "/maybe"],
    ["/maybe/:id?", "/maybe/7"],
    ["/a::b", "/a:b"],
    ["/café", "/caf%C3%A9"],
  ])("%s may be asked for with %s", (url, path) => {
    expect(pathsOf("/first", url).has(path)).toBe(true);
  });

  test.each([
    ["/live", "/"],
    ["/live", "/live/more"],
    ["/live", "/other"],
    ["/rooms/:id", "/rooms"],
    ["/rooms/:id", "/rooms/7/8"],
    ["/a::b", "/axb"],
    ["/live", "/%"],
  ])("%s is not %s", (url, path) => {
    expect(pathsOf(url).has(path)).toBe(false);
  });

  test("without routes no path is for one", () => {
    expect(new RoutePaths().has("/")).toBe(false);
  });
});
