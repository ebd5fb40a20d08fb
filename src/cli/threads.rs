//! The thread pool of a command that makes many runs.

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::failure::Failure;

/// A pool of so many threads; one a core where none are asked for.
pub fn pool(count: Option<usize>) -> Result<ThreadPool, Failure> {
    if count == Some(0) {
        return Err(Failure::usage("--threads is 0: at least one thread is needed"));
    }
    let pool = ThreadPoolBuilder::new().num_threads(count.unwrap_or(0)).build();
    pool.map_err(|error| Failure::system("the threads cannot be started", &std::io::Error::other(error)))
}
