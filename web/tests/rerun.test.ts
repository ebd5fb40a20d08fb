/** A finished run: any moment of it, forwards and backwards. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Rerun, clock, fitting } from "../src/rerun";
import type { Frame } from "../src/wire";

const frame = (time: number, more: Partial<Frame>): Frame => ({
  anew: false, whole: false, seq: 0, time, policy: "best-fit", waiting: 0, placed: 0, nodes: [], jobs: [], held: [], freed: [], ...more,
});

function run(): Rerun {
  const node = { node: 0, name: "n0", state: 1, forMs: 0, cordoned: false, suspect: false, cores: [[0, 4]] as const, numa: [], cache: [], memoryBytes: 1, labels: [] };
  const job = { job: 0, name: "tide", class: "", priority: 0, submittedMs: 500, tasks: [["run", 1]] as const };
  const held = { node: 0, job: 0, instance: 0, state: 3, cores: [[0, 2]] as const, forMs: 0, startedMs: 0, expectedMs: 0 };
  return new Rerun("run", "best-fit", [
    frame(1_000, { anew: true, whole: true, nodes: [node] }),
    frame(2_000, { jobs: [job], held: [held], placed: 1 }),
    frame(4_000, { freed: [{ node: 0, job: 0, instance: 0 }], policy: "l2", placed: 1 }),
  ]);
}

test("every moment shows what held then, whichever way one comes to it", () => {
  const of = run();
  const used = (time: number): number => {
    of.seek(time);
    return of.cluster.used;
  };
  assert.deepEqual([used(1_000), used(2_000), used(3_999), used(4_000), used(2_500), used(0), used(9_000)], [0, 2, 2, 0, 2, 0, 0]);
  of.seek(3_000);
  assert.equal(of.cluster.time, 3_000, "ages go on between frames");
});

test("a moment far back is come to as one near by", () => {
  const node = { node: 0, name: "n0", state: 1, forMs: 0, cordoned: false, suspect: false, cores: [[0, 4]] as const, numa: [], cache: [], memoryBytes: 1, labels: [] };
  const label = (job: number) => ({ job, name: `job${job}`, class: "", priority: 0, submittedMs: 0, tasks: [["run", 1]] as const });
  const held = (job: number) => ({ node: 0, job, instance: 0, state: 3, cores: [[job % 4, 1]] as const, forMs: 0, startedMs: 0, expectedMs: 0 });
  // At second n, jobs n-2, n-1 and n hold a core each.
  const frames = Array.from({ length: 1_000 }, (_, at) => frame(at * 1_000, {
    ...(at === 0 ? { anew: true, whole: true, nodes: [node] } : {}),
    placed: at + 1, jobs: [label(at)], held: [held(at)], freed: at > 2 ? [{ node: 0, job: at - 3, instance: 0 }] : [],
  }));
  const of = new Rerun("run", "best-fit", frames);
  const told = (second: number) => {
    of.seek(second * 1_000);
    const { cluster } = of;
    return [[...cluster.jobs.keys()], cluster.nodes.get(0)?.holders.map((run) => run?.job ?? null), cluster.used, cluster.placed, cluster.cores];
  };
  for (const second of [999, 500, 499, 100, 101, 750, 3]) {
    const holders = [0, 1, 2, 3].map((core) => [second - 2, second - 1, second].find((job) => job % 4 === core) ?? null);
    assert.deepEqual(told(second), [[second - 2, second - 1, second], holders, 3, second + 1, 4], `at ${second}`);
  }
});

test("figures and marks are those of the whole run, wherever one stands", () => {
  const of = run();
  assert.deepEqual(of.samples.map(({ time, utilisation }) => [time, utilisation]), [[1_000, 0], [2_000, 0.5], [4_000, 0]]);
  assert.deepEqual(of.marks.map(({ time, kind }) => [time, kind]), [[4_000, "policy"]]);
  assert.equal(of.samples[1]?.p50, 0.5);
});

test("a clock runs as fast as it is told, and stops at the end", () => {
  assert.deepEqual([clock(100, 10, 5, 1_000), clock(100, 1_000, 5, 1_000)], [150, 1_000]);
  assert.deepEqual([fitting(30_000), fitting(90_000), fitting(3_600_000), fitting(86_400_000)], [1, 2, 100, 2_000]);
});
