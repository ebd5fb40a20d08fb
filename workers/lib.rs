//! `worker <frequency>`: a shell round the agent, with the real drivers. Nothing of management reaches here.
