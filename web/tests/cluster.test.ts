/** The model of the cluster: frames come in, and the counts and holders are right after each. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Cluster } from "../src/cluster";
import type { Frame, Held, NodeCells } from "../src/wire";

const node = (id: number, more: Partial<NodeCells> = {}): NodeCells => ({
  node: id, name: `n${id}`, state: 1, forMs: 0, cordoned: false, suspect: false, cores: [[0, 4]], numa: [], cache: [], memoryBytes: 1, labels: [], ...more,
});
const held = (job: number, cores: [number, number][], more: Partial<Held> = {}): Held => ({
  node: 0, job, instance: 0, state: 3, cores, forMs: 0, startedMs: 0, expectedMs: 5_000, ...more,
});
const frame = (more: Partial<Frame>): Frame => ({
  anew: false, whole: false, seq: 1, time: 10_000, policy: "best-fit", waiting: 0, placed: 0, nodes: [], jobs: [], held: [], freed: [], ...more,
});
const label = (job: number) => ({ job, name: `job${job}`, class: "", priority: 0, submittedMs: 2_500, tasks: [["run", 1]] as [string, number][] });

function begun(): Cluster {
  const cluster = new Cluster();
  cluster.apply(frame({ anew: true, whole: true, nodes: [node(0), node(1)] }));
  return cluster;
}

test("cores are held from when they are told until they are freed", () => {
  const cluster = begun();
  cluster.apply(frame({ jobs: [label(7)], held: [held(7, [[1, 2]])] }));
  assert.deepEqual([cluster.cores, cluster.used], [8, 2]);
  assert.deepEqual(cluster.nodes.get(0)?.holders.map((run) => run?.job ?? null), [null, 7, 7, null]);
  assert.equal(cluster.nodes.get(0)?.runs.get("7/0")?.ends, 15_000);
  assert.deepEqual(cluster.waits, [2.5]);
  // Told again in another state: nothing is counted twice.
  cluster.apply(frame({ held: [held(7, [[1, 2]], { state: 5 })] }));
  assert.deepEqual([cluster.used, cluster.jobs.get(7)?.runs, cluster.waits.length], [2, 1, 1]);
  cluster.apply(frame({ freed: [{ node: 0, job: 7, instance: 0 }] }));
  assert.deepEqual([cluster.used, cluster.jobs.size, cluster.nodes.get(0)?.used], [0, 0, 0]);
});

test("what is told anew replaces everything", () => {
  const cluster = begun();
  cluster.apply(frame({ jobs: [label(7)], held: [held(7, [[0, 4]])] }));
  cluster.apply(frame({ anew: true, nodes: [node(5)] }));
  assert.deepEqual([cluster.cores, cluster.used, cluster.whole, [...cluster.nodes.keys()]], [4, 0, false, [5]]);
});

test("a node that is told again keeps what it holds, one that left counts no more, and both are marked", () => {
  const cluster = begun();
  cluster.apply(frame({ jobs: [label(7)], held: [held(7, [[0, 2]])] }));
  const kept = cluster.nodes.get(0);
  cluster.apply(frame({ nodes: [node(0, { cordoned: true })] }));
  assert.equal(cluster.nodes.get(0), kept, "whoever drew it draws it as it is now");
  assert.deepEqual([cluster.cores, cluster.used], [8, 2]);
  cluster.apply(frame({ nodes: [node(0, { state: 4 })] }));
  assert.deepEqual([cluster.cores, cluster.used, cluster.present().length], [4, 0, 1]);
  cluster.apply(frame({ policy: "l2" }));
  assert.deepEqual(cluster.marks.map((mark) => mark.kind), ["node", "node", "policy"]);
});

test("cores that a host does not offer have no place", () => {
  const cluster = new Cluster();
  cluster.apply(frame({ anew: true, whole: true, nodes: [node(0, { cores: [[2, 2], [8, 2]] })] }));
  cluster.apply(frame({ jobs: [label(1)], held: [held(1, [[8, 1]])] }));
  assert.deepEqual(cluster.nodes.get(0)?.holders.map((run) => run?.job ?? null), [null, null, 1, null]);
});

test("a task of a job is named by its place among the instances", () => {
  const cluster = begun();
  cluster.apply(frame({ jobs: [{ ...label(3), tasks: [["first", 2], ["second", 3]] }], held: [held(3, [[0, 1]], { instance: 3 })] }));
  const run = cluster.nodes.get(0)?.runs.get("3/3");
  assert.ok(run);
  assert.deepEqual(cluster.task(run), { name: "second", index: 1 });
});
