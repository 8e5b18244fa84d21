//! Tests over real processes: a node and its clients, killed, starved, lied to.
//!
//! Each test owns its agency, in a folder of its own, on ports that the system gave; so all may run at once.

mod admins;
mod bad_input;
mod canary;
mod checkpoint;
mod device;
mod kill_client;
mod kill_node;
mod release;
mod service;
mod slice;
mod watch;
