/** What waits, in the order in which the policy would take it, each with its reason. */

import type { JSX } from "preact";

import type { Queue } from "../api";
import { get } from "../api";
import { count, memory, moment, plural } from "../quantity";
import { Empty, Loading, Trouble, When, useAsked } from "./parts";

const MOST = 200;

export function QueueView({ now }: { now: number }): JSX.Element {
  const { value: queue, problem } = useAsked((signal) => get<Queue>(`v1/queue?limit=${MOST}`, signal), "queue", 2000);
  return (
    <section aria-labelledby="queue-name">
      <h2 id="queue-name">Queue</h2>
      {problem && <Trouble problem={problem} />}
      {!queue && !problem && <Loading />}
      {queue?.jobs.length === 0 && (
        <Empty>
          <strong>Nothing waits.</strong> Every task that may run has a place. Submit more with <code>management submit</code> or by the <a href="docs/">REST interface</a>.
        </Empty>
      )}
      {queue && queue.jobs.length > 0 && (
        <>
          <p>
            Waiting for a place: {plural(queue.waiting_tasks, "task")} of {plural(queue.waiting_jobs, "job")}. Policy <b>{queue.policy}</b> tries them in the order <b>{queue.order}</b>
            {queue.waiting_jobs > queue.jobs.length && `; the first ${queue.jobs.length} are shown`}.
          </p>
          <div class="scroll" tabIndex={0} role="region" aria-label="Waiting jobs">
            <table>
              <thead>
                <tr>
                  <th scope="col">#</th>
                  <th scope="col">Job</th>
                  <th scope="col">Waits for</th>
                  <th scope="col">Short by</th>
                  <th scope="col">Nearest node</th>
                  <th scope="col">Asks for</th>
                  <th scope="col">Priority</th>
                  <th scope="col">Submitted</th>
                  <th scope="col">Promised start</th>
                </tr>
              </thead>
              <tbody>
                {queue.jobs.map((job, place) => (
                  <tr key={job.id}>
                    <td>{place + 1}</td>
                    <th scope="row">
                      <a href={`#/job/${job.id}`}>{job.name}</a> <small>{job.id}</small>
                    </th>
                    <td>
                      <code>{job.reason.code}</code> {job.reason.detail}
                      {job.reason.behind && (
                        <>
                          {" "}
                          (<a href={`#/job/${job.reason.behind}`}>{job.reason.behind}</a>)
                        </>
                      )}
                    </td>
                    <td>{job.reason.short_by === undefined ? "–" : job.reason.short_unit === "bytes" ? memory(job.reason.short_by) : plural(job.reason.short_by, "core")}</td>
                    <td>{job.reason.nearest_node ? <a href={`#/node/${encodeURIComponent(job.reason.nearest_node)}`}>{job.reason.nearest_node}</a> : "–"}</td>
                    <td>
                      {count(job.waiting_tasks)} × {plural(job.cores, "core")}, {memory(job.memory_bytes)}
                      {job.gang && job.waiting_tasks > 1 && " (together)"}
                    </td>
                    <td>{job.priority}</td>
                    <td>
                      <When at={job.submitted_at} now={now} />
                    </td>
                    <td>{job.promised_at ? moment(Date.parse(job.promised_at)) : "none"}</td>
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
