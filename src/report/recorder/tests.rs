//! Golden values from hand-made event sequences, and properties against naive recomputation.
