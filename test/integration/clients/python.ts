import { fileURLToPath } from "node:url";
import { ChildClient } from "./child.ts";

/** The arguments of `ClientPerMessageDeflateFactory`. */
export interface DeflateOffer {
  readonly server_no_context_takeover?: boolean;
  readonly client_no_context_takeover?: boolean;
  readonly server_max_window_bits?: number;
  readonly client_max_window_bits?: number | true;
}

/**
 * Python's `websockets`.
 *
 * @param python - the path of a Python that has it
 * @param offer - how it offers compression; without it, as it does by default
 */
export const pythonClient = (python: string, offer?: DeflateOffer): ChildClient =>
  new ChildClient(python, [
    fileURLToPath(new URL("python-child.py", import.meta.url)),
    ...(offer === undefined ? [] : [JSON.stringify(offer)]),
  ]);
