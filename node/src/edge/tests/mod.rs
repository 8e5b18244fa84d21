//! A real node on loopback, real stores under it, and peers that behave and misbehave.

mod peer;
mod site;

mod admission;
mod chunks;
mod ending;
mod follow;
mod frames;
mod guests;
mod key_exchange;
mod nodes;
mod process;
