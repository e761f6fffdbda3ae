import { expect, test } from "vitest";
import { topicSetup } from "../../../src/client/topics/topic-setup.ts";

test("the client shows the handler and the data type that were given", () => {
  const given = { dataType: "object" as const };
  const setup = topicSetup(given, {});
  const client = { handler: "below", dataType: "auto" };
  setup.finish(client);
  expect([client.handler, client.dataType, setup.options.dataType]).toEqual([given, "object", "auto"]);
  expect(setup.topics.client).toBe(client);
});
