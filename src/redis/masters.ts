import type { Master } from "./connection.ts";
import { PARTITIONS, TAGS, slotOf } from "./partitions.ts";

/** The one server that has all partitions. */
export function wholeServer(connect: Master["connect"]): readonly Master[] {
  return [{ partitions: Array.from({ length: PARTITIONS }, (_, partition) => partition), connect }];
}

/**
 * The masters of a cluster that have partitions.
 *
 * @param ownerOf what names the master of a slot; undefined: it has none
 * @param connectTo how one connects to a master; undefined: it is not known
 * @throws {Error} a partition has no master
 */
export function mastersOf<Name>(
  ownerOf: (slot: number) => Name | undefined,
  connectTo: (name: Name) => Master["connect"] | undefined,
): readonly Master[] {
  const partitions = new Map<Name, number[]>();
  for (const [partition, tag] of TAGS.entries()) {
    const slot = slotOf(tag);
    const owner = ownerOf(slot);
    if (owner === undefined) throw new Error(`No server of the cluster has slot ${slot}`);
    const known = partitions.get(owner);
    if (known === undefined) partitions.set(owner, [partition]);
    else known.push(partition);
  }
  return Array.from(partitions, ([name, all]) => {
    const connect = connectTo(name);
    if (connect === undefined) throw new Error(`The server ${String(name)} of the cluster is not known`);
    return { partitions: all, connect };
  });
}
