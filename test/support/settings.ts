import type { ConnectionSettings } from "../../src/connection/settings.ts";
import { readOptions } from "../../src/server/settings.ts";

/** A server's default settings, as a connection of a test has them: with other values where the test wants them. */
export function connectionSettings(own: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return { ...readOptions({ dataType: "auto" }), closeTimeout: 60_000, ...own };
}
