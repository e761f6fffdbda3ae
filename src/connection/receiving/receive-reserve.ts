import type { PayloadReserve } from "../../protocol/payload-reserve.ts";
import { receiveBudget } from "./receive-budget.ts";
import type { ReceivingSettings } from "./settings.ts";

/**
 * The part of the receive budget that may be reserved. A peer that sends no more keeps what its message has reserved, so the rest
 * is for those who wait.
 */
const RESERVABLE = 0.5;

/** The memory that large messages of one server may reserve before they have arrived: what is left of the receive budget. */
export class ReceiveReserve implements PayloadReserve {
  readonly #settings: Pick<ReceivingSettings, "maxTotalReceiveQueue" | "limitCounters">;

  constructor(settings: Pick<ReceivingSettings, "maxTotalReceiveQueue" | "limitCounters">) {
    this.#settings = settings;
  }

  take(bytes: number): boolean {
    const { maxTotalReceiveQueue: limit } = this.#settings;
    const mayReserve = receiveBudget.reserved + bytes <= limit * RESERVABLE;
    if (mayReserve && receiveBudget.take(bytes, limit)) return true;
    this.#settings.limitCounters.maxTotalReceiveQueue++;
    return false;
  }

  giveBack(bytes: number): void {
    receiveBudget.giveBack(bytes);
  }
}
