import { afterAll, beforeAll, test } from "vitest";
import type { Client } from "../clients/client.ts";
import { closing } from "./closing.ts";
import { control } from "./control.ts";
import { handshake } from "./handshake.ts";
import { load } from "./load.ts";
import { messages } from "./messages.ts";
import type { Scenario } from "./scenario.ts";

const scenarios = { ...messages, ...control, ...closing, ...handshake, ...load };

/** The scenarios that a client cannot run, and the reason. */
export interface Skip {
  readonly reason: string;
  readonly tests: readonly (keyof typeof scenarios)[];
}

/**
 * Makes a test of each scenario for one client.
 *
 * @param how - `create` starts the client, once for all; `skip` is shown with its reasons
 */
export function runScenarios({ create, skip = [] }: { create: () => Promise<Client>; skip?: readonly Skip[] }): void {
  let client: Client | undefined;
  beforeAll(async () => {
    client = await create();
  });
  afterAll(() => client?.end());

  for (const [name, run] of Object.entries<Scenario>(scenarios)) {
    const reason = skip.find(({ tests }) => (tests as readonly string[]).includes(name))?.reason;
    test(name, async (context) => {
      if (reason !== undefined) context.skip(reason);
      await run(client!);
    });
  }
}
