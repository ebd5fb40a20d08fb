//! What runs on a node: the driver trait, the per-node agent and the simulated driver.
