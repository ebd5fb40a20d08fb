//! Load: arrival processes (pure). The HTTP client that plays them against a live FrontEnd comes with the live carrier.
