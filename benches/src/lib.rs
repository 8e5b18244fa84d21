//! What the benchmarks share: the work they do, the limit of the disk beside it, peers in the same run, and the table.
//!
//! Absolute times move from machine to machine and hour to hour, so every figure is printed beside a limit or a peer that
//! was measured in the same run.

pub mod disk;
pub mod peers;
pub mod process;
pub mod syncthing;
pub mod table;
pub mod work;
