//! `management view`: finished runs in the page, with a slider over all of their time; two of them beside each other.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Outcome};
use super::terminal;
use crate::api;
use crate::report::rerun;

/// Show finished simulations in the page, with play, pause and a slider
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management simulate scenario.json --out run && management view run
  management compare scenario.json --policies best-fit,l2 --out duel
  management view duel/best-fit duel/l2

DIR is the output folder of `simulate --out`, or that of one policy of `compare --out`. Two of them are shown beside each other at the same \
time. The page is served on this host alone, until Ctrl-C.")]
pub struct View {
    /// The output folder of a run, or two to be compared
    #[arg(value_name = "DIR", required = true, num_args = 1..=2)]
    runs: Vec<PathBuf>,
    /// Port of the page; 0: any that is free
    #[arg(long, default_value_t = 5002, value_name = "PORT")]
    port: u16,
}

/// Runs the command.
pub fn run(arguments: &View) -> Result<Outcome, Failure> {
    let runs = arguments.runs.iter().map(|folder| rerun::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::system("threads", &error))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(|error| Failure::system(address, &error))?;
        let address = listener.local_addr().map_err(|error| Failure::system(address, &error))?;
        terminal::print(&format!("The page is at http://{address}/ until Ctrl-C.\n"))?;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.cancel();
            }
        });
        api::serve(api::rerun_router(runs), listener, None, shutdown).await.map_err(|error| Failure::system(address, &error))
    })?;
    Ok(Outcome::Done)
}
