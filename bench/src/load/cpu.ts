import { readFileSync, readdirSync } from "node:fs";

// USER_HZ: the unit of /proc/stat, 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100;

/**
 * The CPU time of a process so far: all threads, user and system.
 * /proc/PID/task/TID/schedstat has nanoseconds for each thread, /proc/PID/stat has the sum in hundredths of a second.
 *
 * @returns seconds, or null on systems without /proc
 */
export function cpuSeconds(pid: number): number | null {
  try {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(" ", 1)[0]);
    }
    return nanoseconds / 1e9;
  } catch {
    return cpuSecondsFromStat(pid);
  }
}

function cpuSecondsFromStat(pid: number): number | null {
  try {
    const text = read(`/proc/${pid}/stat`);
    // The name of the command, in parentheses, may have any characters. User and system time are fields 14 and 15.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/**
 * The CPU time of the whole machine so far, including time stolen by the host.
 *
 * @returns seconds, or null on systems without /proc
 */
export function machineBusySeconds(): number | null {
  try {
    const [user, nice, system, , , irq, softirq, steal] = read("/proc/stat").split("\n", 1)[0]!.split(/ +/).slice(1);
    return [user, nice, system, irq, softirq, steal].reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

function read(file: string): string {
  return readFileSync(file, "latin1");
}
