/** Colours and what stands beside them, so that nobody has to tell colours apart to read the map. */

import type { Node, Run, Cluster } from "./cluster";

export type Lens = "job" | "class" | "priority" | "age" | "state";
export const LENSES: readonly Lens[] = ["job", "class", "priority", "age", "state"];

/** A pattern over a colour, drawn where a core is large enough. */
export type Pattern = "plain" | "rising" | "falling" | "dots" | "cross";
export const PATTERNS: readonly Pattern[] = ["plain", "rising", "falling", "dots", "cross"];

export interface Paint {
  /** `#rrggbb` */
  colour: string;
  pattern: Pattern;
}

/** Okabe and Ito's colours, which the colour-blind tell apart; with a pattern each, forty of them differ. */
const DISTINCT = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#7a5195"] as const;
/** From little to much: lightness alone tells. */
const RISING = ["#cfe1f2", "#93c4de", "#4b97c9", "#1f6bab", "#0a3a73"] as const;

const STATE_PAINTS: Record<string, Paint> = {
  scheduled: { colour: "#56b4e9", pattern: "rising" },
  running: { colour: "#0072b2", pattern: "plain" },
  migrating: { colour: "#e69f00", pattern: "cross" },
  stopping: { colour: "#d55e00", pattern: "falling" },
  lost: { colour: "#7a5195", pattern: "dots" },
};

/** Bounds of the classes of age, in milliseconds, and how they are said. */
const AGES: readonly (readonly [number, string])[] = [
  [10_000, "under 10 s"],
  [60_000, "under 1 min"],
  [600_000, "under 10 min"],
  [3_600_000, "under 1 h"],
  [Infinity, "1 h and more"],
];

function hash(text: string): number {
  let value = 2166136261;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16777619);
  // The low bits of this hash are its worst.
  return ((value >>> 16) ^ value) >>> 0;
}

/** The paint of a thing of many: forty numbers in a row have forty paints, the same number always the same. */
function numbered(value: number): Paint {
  return { colour: DISTINCT[value % DISTINCT.length] ?? DISTINCT[0], pattern: PATTERNS[Math.floor(value / 8) % PATTERNS.length] ?? "plain" };
}

/** The paint of a class: the same for the same text. */
export const distinct = (text: string): Paint => numbered(hash(text));

/** The category of a run as a lens sees it: what the legend calls it. */
export function category(cluster: Cluster, run: Run, lens: Lens): string {
  const job = cluster.jobs.get(run.job);
  switch (lens) {
    case "job":
      return `${job?.name ?? "forgotten"} (j${run.job})`;
    case "class":
      return job?.class || "no class";
    case "priority":
      return String(job?.priority ?? 0);
    case "age": {
      const age = cluster.time - (run.started ?? cluster.time);
      return AGES.find(([bound]) => age < bound)?.[1] ?? "1 h and more";
    }
    case "state":
      return run.state;
  }
}

/** The paint of a category. */
export function paint(lens: Lens, name: string): Paint {
  switch (lens) {
    case "job":
      // Jobs that run together have numbers that are near each other.
      return numbered(Number(/\(j(\d+)\)$/.exec(name)?.[1] ?? 0));
    case "class":
      return distinct(name);
    case "priority": {
      const level = Math.min(4, Math.max(0, Math.round(Number(name) / 25) + (Number(name) > 0 ? 1 : 0)));
      return { colour: RISING[level] ?? RISING[0], pattern: Number(name) < 0 ? "falling" : "plain" };
    }
    case "age":
      return { colour: RISING[AGES.findIndex(([, said]) => said === name)] ?? RISING[0], pattern: "plain" };
    case "state":
      return STATE_PAINTS[name] ?? { colour: "#7a5195", pattern: "dots" };
  }
}

export interface LegendEntry {
  name: string;
  paint: Paint;
  cores: number;
}

/** The categories by the cores that they hold, the largest first; those beyond `most` are one entry. */
export function legend(cluster: Cluster, lens: Lens, most: number): LegendEntry[] {
  const cores = new Map<string, number>();
  for (const node of cluster.nodes.values()) {
    for (const run of node.runs.values()) {
      const name = category(cluster, run, lens);
      cores.set(name, (cores.get(name) ?? 0) + run.cores.length);
    }
  }
  const sorted = [...cores].sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0]));
  const entries = sorted.slice(0, most).map(([name, count]) => ({ name, paint: paint(lens, name), cores: count }));
  const rest = sorted.slice(most).reduce((sum, [, count]) => sum + count, 0);
  return rest > 0 ? [...entries, { name: `${sorted.length - most} others`, paint: { colour: "", pattern: "plain" }, cores: rest }] : entries;
}

/** The letter that stands for what is not usual with a node; none where all is. */
export function flag(node: Node): string {
  if (node.state === "unreachable") return "×";
  if (node.suspect) return "?";
  if (node.state === "draining") return "D";
  if (node.cordoned) return "C";
  if (node.state === "joining") return "+";
  return "";
}

/** How a node is, in words: state, cordon, lease. */
export function condition(node: Node): string {
  const lease = { joining: "no lease yet", unreachable: "its lease has run out", left: "no lease", ready: "lease held", draining: "lease held" }[node.state];
  const words = [node.state, ...(node.cordoned ? ["cordoned: no new tasks"] : []), node.suspect ? "heartbeats are missing, lease still held" : lease];
  return words.join(", ");
}

/** A colour as a pixel of little-endian RGBA. */
export function pixel(colour: string): number {
  const value = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((value & 0xff) << 16) | (value & 0xff00) | (value >>> 16)) >>> 0;
}
