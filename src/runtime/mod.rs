//! The live carrier: mailboxes, timers, links and the system clock round the pure machines. It moves messages and decides nothing.
