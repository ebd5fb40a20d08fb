//! What carries messages between hosts: ZeroMQ sockets on ipc, the mutual-TLS relay, certificates, framing. It knows no machine.
