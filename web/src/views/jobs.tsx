/** The latest jobs, to choose one. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { JobSummary } from "../api";
import { get, part } from "../api";
import { count } from "../quantity";
import { Empty, Loading, State, Trouble, When, useAsked } from "./parts";

const STATES = ["accepted", "queued", "deploying", "running", "stopping", "succeeded", "failed", "stopped"];

export function JobsView({ now }: { now: number }): JSX.Element {
  const [state, setState] = useState("");
  const [name, setName] = useState("");
  const query = `v1/jobs?limit=100${state && `&state=${state}`}${name && `&name=${part(name)}`}`;
  const { value, problem } = useAsked((signal) => get<{ jobs: JobSummary[] }>(query, signal), query, 2000);
  return (
    <section aria-labelledby="jobs-name">
      <h2 id="jobs-name">Jobs</h2>
      <div class="row tools">
        <label>
          State{" "}
          <select value={state} onChange={(event) => setState(event.currentTarget.value)}>
            <option value="">any</option>
            {STATES.map((word) => (
              <option key={word}>{word}</option>
            ))}
          </select>
        </label>
        <label>
          Name <input type="search" value={name} onChange={(event) => setName(event.currentTarget.value.trim())} />
        </label>
      </div>
      {problem && <Trouble problem={problem} />}
      {!value && !problem && <Loading />}
      {value?.jobs.length === 0 && (
        <Empty>
          <strong>No such job.</strong> {state || name ? "Ask for another state or name." : <>Submit one with <code>management submit JOB.json</code>.</>}
        </Empty>
      )}
      {value && value.jobs.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="List of jobs">
          <table>
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">State</th>
                <th scope="col">Tasks</th>
                <th scope="col">Priority</th>
                <th scope="col">Submitted</th>
                <th scope="col">Labels</th>
              </tr>
            </thead>
            <tbody>
              {value.jobs.map((job) => (
                <tr key={job.id}>
                  <th scope="row">
                    <a href={`#/job/${job.id}`}>{job.name}</a> <small>{job.id}</small>
                  </th>
                  <td>
                    <State of={job.state} />
                  </td>
                  <td>
                    {Object.entries(job.tasks.by_state)
                      .map(([word, number]) => `${count(number)} ${word}`)
                      .join(", ")}
                  </td>
                  <td>{job.priority}</td>
                  <td>
                    <When at={job.submitted_at} now={now} />
                  </td>
                  <td>
                    {Object.entries(job.labels)
                      .map(([label, value]) => `${label}=${value}`)
                      .join(" ")}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
