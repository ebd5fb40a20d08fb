/** The nodes as a list, and one of them: its cores by NUMA node and cache, memory, tasks, recent events, drain and cordon. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import type { EventBody, NodeDetail, Role } from "../api";
import { events, get, includes, part, post } from "../api";
import type { Cluster, Node } from "../cluster";
import { category, condition, paint } from "../palette";
import { cpuset, memory, moment, plural, share, span } from "../quantity";
import { BACK, line } from "./events";
import type { Deed } from "./parts";
import { Deeds, Empty, Loading, State, Trouble, useAsked } from "./parts";

const MOST = 300;

export function NodesView({ cluster }: { cluster: Cluster }): JSX.Element {
  const [name, setName] = useState("");
  const nodes = cluster.present().filter((node) => node.name.includes(name));
  return (
    <section aria-labelledby="nodes-name">
      <h2 id="nodes-name">Nodes</h2>
      <label>
        Name <input type="search" value={name} onChange={(event) => setName(event.currentTarget.value.trim())} />
      </label>
      {nodes.length === 0 ? (
        <Empty>
          <strong>No such node.</strong> {name ? "Ask for another name." : <>Start a worker with <code>worker 0.2</code>.</>}
        </Empty>
      ) : (
        <>
          <p>
            {plural(nodes.length, "node")}
            {nodes.length > MOST && `; the first ${MOST} are shown`}.
          </p>
          <div class="scroll" tabIndex={0} role="region" aria-label="List of nodes">
            <table>
              <thead>
                <tr>
                  <th scope="col">Node</th>
                  <th scope="col">State</th>
                  <th scope="col">Cores held</th>
                  <th scope="col">Tasks</th>
                  <th scope="col">Memory</th>
                </tr>
              </thead>
              <tbody>
                {nodes.slice(0, MOST).map((node) => (
                  <tr key={node.node}>
                    <th scope="row">
                      <a href={`#/node/${encodeURIComponent(node.name)}`}>{node.name}</a>
                    </th>
                    <td>
                      <State of={node.state} /> {node.cordoned && "cordoned"} {node.suspect && "heartbeats missing"}
                    </td>
                    <td>
                      {node.used} of {node.cores.length}
                    </td>
                    <td>{node.runs.size}</td>
                    <td>{memory(node.memoryBytes)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}

export function NodeView({ name, cluster, role, now }: { name: string; cluster: Cluster; role: Role; now: number }): JSX.Element {
  const { value: detail, problem, again } = useAsked((signal) => get<NodeDetail>(`v1/nodes/${part(name)}`, signal), name, 1000);
  const node = [...cluster.nodes.values()].find((known) => known.name === name && known.state !== "left");
  if (!detail || !node) return problem ? <Trouble problem={problem} /> : <Loading />;
  const { capacity, allocated } = detail;
  return (
    <section aria-labelledby="node-name">
      <h2 id="node-name">
        Node {name} <small>{detail.id}</small> <State of={detail.state} />
      </h2>
      {problem && <Trouble problem={problem} />}
      <p>{condition(node)}; in this state for {span(now - node.since)}.</p>
      <dl class="facts">
        <div>
          <dt>Cores</dt>
          <dd>
            {allocated.cores} of {capacity.cores} held ({share(capacity.cores > 0 ? allocated.cores / capacity.cores : 0)}) <meter aria-label="Cores held" min={0} max={capacity.cores} value={allocated.cores} />
          </dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>
            {memory(allocated.memory_bytes)} reserved, {memory(capacity.memory_bytes - allocated.memory_bytes)} free <meter aria-label="Memory reserved" min={0} max={capacity.memory_bytes} value={allocated.memory_bytes} />
          </dd>
        </div>
        {Object.entries(detail.labels).map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Deeds deeds={deeds(node, detail, role)} done={again} />
      <Groups cluster={cluster} node={node} />
      <Tasks cluster={cluster} node={node} now={now} />
      <Recent name={name} cluster={cluster} />
    </section>
  );
}

function deeds(node: Node, detail: NodeDetail, role: Role): Deed[] {
  if (!includes(role, "operate")) return [];
  const act = (action: string, more: object = {}) => () => post(`v1/nodes/${part(node.name)}/actions`, { action, ...more });
  const running = plural(detail.tasks.length, "task");
  return [
    detail.cordoned
      ? { name: "Uncordon", will: "The node gets new tasks again.", run: act("uncordon") }
      : { name: "Cordon", will: `The node gets no new tasks. ${running} on it stay.`, run: act("cordon") },
    ...(detail.state === "draining"
      ? [{ name: "Undrain", will: "The node is taken back and gets new tasks.", run: act("undrain") }]
      : [
          { name: "Drain", will: `The node gets no new tasks. ${running} on it are stopped and begin again elsewhere as new attempts.`, run: act("drain") },
          { name: "Drain by moving", will: `The node gets no new tasks. ${running} on it move with their state where the engine can do that; the others begin again elsewhere.`, run: act("drain", { migrate: true }) },
        ]),
  ];
}

/** The cores, grouped as the hardware groups them. */
function Groups({ cluster, node }: { cluster: Cluster; node: Node }): JSX.Element {
  const numa = node.numa.length > 0 ? node.numa : [node.cores];
  return (
    <>
      <h3>Cores by NUMA node and cache</h3>
      {numa.map((group, number) => {
        const caches = node.cache.map((cache) => cache.filter((core) => group.includes(core))).filter((cache) => cache.length > 0);
        return (
          <div class="numa" key={group.join()}>
            <span>
              NUMA {number} <small>cores {cpuset(group)}</small>
            </span>
            {(caches.length > 0 ? caches : [group]).map((cache) => (
              <ul class="cores" key={cache.join()} aria-label={`Cores ${cpuset(cache)}`}>
                {cache.map((core) => (
                  <Core key={core} cluster={cluster} node={node} core={core} />
                ))}
              </ul>
            ))}
          </div>
        );
      })}
    </>
  );
}

function Core({ cluster, node, core }: { cluster: Cluster; node: Node; core: number }): JSX.Element {
  const at = node.cores.indexOf(core);
  if (at < 0) return <li title={`core ${core}: kept by the host`}>{core}<small>host</small></li>;
  const run = node.holders[at];
  if (!run) return <li title={`core ${core}: free`}>{core}<small>free</small></li>;
  const { colour } = paint("job", category(cluster, run, "job"));
  const job = cluster.jobs.get(run.job);
  return (
    <li style={{ borderTopColor: colour }} title={`core ${core}: ${job?.name ?? "forgotten"}, ${run.state}`}>
      {core}
      <small>
        <a href={`#/job/j${run.job}`}>j{run.job}</a>
      </small>
    </li>
  );
}

function Tasks({ cluster, node, now }: { cluster: Cluster; node: Node; now: number }): JSX.Element {
  if (node.runs.size === 0) return <Empty><strong>No task runs here.</strong></Empty>;
  return (
    <>
      <h3>Tasks</h3>
      <div class="scroll" tabIndex={0} role="region" aria-label="Tasks of the node">
        <table>
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">Job</th>
              <th scope="col">State</th>
              <th scope="col">Cores</th>
              <th scope="col">Runs since</th>
              <th scope="col">Expected end</th>
            </tr>
          </thead>
          <tbody>
            {[...node.runs.values()].map((run) => {
              const task = cluster.task(run);
              return (
                <tr key={`${run.job}/${run.instance}`}>
                  <th scope="row">
                    {task.name} {task.index}
                  </th>
                  <td>
                    <a href={`#/job/j${run.job}`}>{cluster.jobs.get(run.job)?.name ?? `j${run.job}`}</a>
                  </td>
                  <td>
                    <State of={run.state} />
                  </td>
                  <td>{cpuset(run.cores)}</td>
                  <td>{run.started === null ? "–" : `${moment(run.started)} (${span(now - run.started)})`}</td>
                  <td>{run.ends === null ? "not known" : moment(run.ends)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

const MOST_EVENTS = 50;

function Recent({ name, cluster }: { name: string; cluster: Cluster }): JSX.Element {
  const [recent, setRecent] = useState<EventBody[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const follow = async (): Promise<void> => {
      setRecent([]);
      const since = Math.max(0, cluster.seq - BACK);
      try {
        for await (const event of events<EventBody>(`v1/events?since=${since}&node=${part(name)}`, abort.signal)) {
          setRecent((before) => [event, ...before].slice(0, MOST_EVENTS));
        }
      } catch {
        // The banner says that the system is away; the view of the node is asked anew when it is back.
      }
    };
    void follow();
    return () => abort.abort();
  }, [name, cluster]);
  return (
    <>
      <h3>Recent events</h3>
      {recent.length === 0 ? <Empty>Nothing happened here lately.</Empty> : (
        <ol class="plain events">
          {recent.map((event) => (
            <li key={event.seq}>{line(event)}</li>
          ))}
        </ol>
      )}
    </>
  );
}
