import type { ConnectionSettings } from "../../src/connection/settings.ts";
import { readOptions } from "../../src/server/settings.ts";

/** The default settings of a connection, with the test's own values. */
export function connectionSettings(own: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return { ...readOptions({ dataType: "auto" }), closeTimeout: 60_000, ...own };
}
