//! The four control-plane machines. Pure: no clock, no socket, no randomness.
