import { DeflatePool } from "../../compression/deflate-pool.ts";
import { type DeflateAgreement, MIN_WINDOW_BITS } from "../../compression/negotiation.ts";
import type { CompressionSettings } from "../../compression/settings.ts";
import { sharedDeflater } from "../../compression/shared-deflaters.ts";
import type { Role } from "../../protocol/state.ts";
import { MessageCompressor } from "./message-compressor.ts";

/** What the connections with the same settings have in common. */
class SharedCompressors {
  /** For connections without a history, by the size of the agreed window. */
  readonly #alone = new Map<number, MessageCompressor>();
  #pool: DeflatePool | undefined;

  for(settings: CompressionSettings, { maxWindowBits, noContextTakeover }: OwnSide): MessageCompressor {
    const windowBits = Math.min(settings.windowBits, maxWindowBits);
    const agreed = windowBits === settings.windowBits ? settings : { ...settings, windowBits };
    if (settings.pool > 0 && !noContextTakeover) {
      this.#pool ??= new DeflatePool(settings.pool, settings);
      return new MessageCompressor(agreed, sharedDeflater(agreed), this.#pool);
    }
    let found = this.#alone.get(windowBits);
    if (found === undefined)
      this.#alone.set(windowBits, (found = new MessageCompressor(agreed, sharedDeflater(agreed))));
    return found;
  }
}

/** What was agreed for the messages that this side sends. */
interface OwnSide {
  readonly maxWindowBits: number;
  readonly noContextTakeover: boolean;
}

function ownSideOf(agreement: DeflateAgreement, role: Role): OwnSide {
  return role === "server"
    ? { maxWindowBits: agreement.serverMaxWindowBits, noContextTakeover: agreement.serverNoContextTakeover }
    : { maxWindowBits: agreement.clientMaxWindowBits, noContextTakeover: agreement.clientNoContextTakeover };
}

const known = new WeakMap<CompressionSettings, SharedCompressors>();

/** How a connection compresses, by the settings of its side and what was agreed in its handshake. */
export function compressorFor(
  settings: CompressionSettings,
  agreement: DeflateAgreement,
  role: Role,
): MessageCompressor | undefined {
  const own = ownSideOf(agreement, role);
  // A server may ask for a window of 256 bytes, which zlib cannot make: then messages are sent as they are.
  if (own.maxWindowBits < MIN_WINDOW_BITS) return undefined;
  let shared = known.get(settings);
  if (shared === undefined) known.set(settings, (shared = new SharedCompressors()));
  return shared.for(settings, own);
}
