import { BarChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { isPaced } from "../load/job.ts";
import { ratio } from "../measure/statistics.ts";
import type { Result, Row, WorkResult } from "./summary.ts";

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

// The server that the others are compared with. If it was not measured, it is the last server of the run.
const REFERENCE = "ws";
const WIDTH = 860;
const TOP = 84;
// This many servers fit into one line of the legend.
const IN_A_LINE = 6;
const LEGEND_LINE = 28;
const BAR = 13;
const BETWEEN_WORKS = 16;
// Readable on a white page and on a dark one.
const INK = "#7a828e";
const COLORS: Readonly<Record<string, string>> = {
  hawser: "#2f81f7",
  "hawser-redis": "#2f81f7",
  "hawser-redis-history": "#79b8ff",
  "hawser-broadcast": "#79b8ff",
  "hawser-base": "#79b8ff",
  bun: "#e3a008",
  "bun-loop": "#f0c95c",
};
const OTHERS = ["#8b949e", "#b083f0", "#57ab5a", "#e5534b", "#6e7681", "#a8b0b9"];

/**
 * Draws the messages per second of each server, as a multiple of those of ws in the same run. The axis is logarithmic and
 * starts at ws: bars to the right are faster, bars to the left are slower. If all servers are joined, it draws the messages per second
 * of CPU time instead, as a multiple of those of the last one.
 *
 * @returns the text of the SVG file; undefined if no messages per second were measured
 */
export function drawChart(result: Result): string | undefined {
  const all = result.works
    .filter(({ work }) => work.kind !== "idle" && work.side !== "append" && !isPaced(work.kind))
    .map(drawn)
    .filter((work) => work.rows.length > 0);
  const areJoined = all.every(({ work }) => work.side === "joined");
  const works = all.filter(({ work }) => areJoined || work.side !== "joined");
  if (works.length === 0) return undefined;
  const peers = new Map(works.flatMap((work) => work.rows.map((row) => [row.peer, row.title] as const)));
  const bars = [...peers].map(([peer, title]) => ({ peer, title, data: works.map((work) => multiple(work, peer)) }));
  const values = bars.flatMap((bar) => bar.data).filter((value) => typeof value === "number");
  const top = TOP + (Math.ceil(peers.size / IN_A_LINE) - 1) * LEGEND_LINE;
  const height = top + works.length * (peers.size * BAR + BETWEEN_WORKS) + 12;
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  const text = { color: INK, fontFamily: "sans-serif" };
  chart.setOption({
    animation: false,
    color: OTHERS,
    title: {
      text: areJoined
        ? `Deliveries per second of CPU time, as a multiple of ${works[0]?.rows.at(-1)?.title ?? ""}`
        : "Messages per second on one core, as a multiple of ws",
      subtext: `${result.date.slice(0, 10)}, Node ${result.machine.node}, ${result.machine.processor}; logarithmic`,
      left: 8,
      top: 4,
      itemGap: 4,
      textStyle: { ...text, fontSize: 15 },
      subtextStyle: text,
    },
    legend: { top: 52, left: 4, itemWidth: 14, itemHeight: 10, itemGap: 28, textStyle: text },
    grid: { top, bottom: 8, left: 230, right: 20 },
    xAxis: {
      type: "log",
      min: Math.min(0.7, 0.7 * Math.min(...values)),
      max: 1.7 * Math.max(1, ...values),
      axisLabel: { show: false },
      splitLine: { show: false },
    },
    yAxis: {
      type: "category",
      inverse: true,
      data: works.map((work) => work.work.title),
      axisLabel: text,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: INK } },
    },
    series: bars.map(({ peer, title, data }) => ({
      name: title,
      type: "bar",
      data,
      barWidth: BAR - 2,
      barGap: "18%",
      ...(COLORS[peer] !== undefined && { itemStyle: { color: COLORS[peer] } }),
      label: { show: true, position: "right", formatter: "{c}×", ...text, fontSize: 10 },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

// With compression each server is drawn as the same without. The others of these workloads are only in the tables.
const DRAWN_AS: Readonly<Record<string, string>> = {
  "hawser-deflate": "hawser",
  "ws-deflate": "ws",
  "bun-deflate": "bun",
};

function drawn(result: WorkResult): WorkResult {
  if (!result.work.varied) return result;
  const rows = result.rows.flatMap((row) => {
    const peer = DRAWN_AS[row.peer];
    return peer === undefined ? [] : [{ ...row, peer }];
  });
  return { ...result, rows };
}

/** The figure of a server divided by that of the reference: the median of the rounds. "-" means no bar. */
function multiple(work: WorkResult, peer: string): number | "-" {
  const row = work.rows.find((each) => each.peer === peer);
  const reference = work.rows.find((each) => each.peer === REFERENCE) ?? work.rows.at(-1);
  const figures = work.work.side === "joined" ? perCpuSecond : perSecond;
  const times = row && reference && ratio(figures(row), figures(reference));
  return times ? Number(times.median.toPrecision(3)) : "-";
}

function perCpuSecond(row: Row): (number | null)[] {
  return row.samples.map(({ serverMicros }) => serverMicros && 1e6 / serverMicros);
}

function perSecond(row: Row): number[] {
  return row.samples.map((sample) => sample.perSecond);
}
