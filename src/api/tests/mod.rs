//! Tests of the API over HTTP on a loopback port, with a FrontEnd alone behind the door.

mod access;
mod bad_input;
mod cells;
mod earlier;
mod earlier_bad_input;
mod events;
mod history;
mod jobs;
mod kept;
mod nodes;
mod page;
mod queue;
mod serving;
mod site;
mod system;
mod tasks;
mod whatif;
