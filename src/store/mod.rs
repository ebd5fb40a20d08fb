//! Durable records: the log of each actor's stamped inputs, with snapshots. A store keeps records and knows nobody.
