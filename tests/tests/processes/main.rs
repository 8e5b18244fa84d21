//! Tests over real processes: a node and its clients, killed, starved, lied to.
//!
//! Each test owns its agency, in a folder of its own, on ports that the system gave; so all may run at once.

mod admins;
mod bad_input;
mod canary;
mod checkpoint;
mod clock;
mod closed_out;
mod cluster;
mod dashboard;
mod device;
mod disk_limits;
mod entered;
mod file_requests;
mod first_packets;
mod full_disk;
mod help;
mod kill_client;
mod kill_node;
mod kill_watching;
mod links;
mod lost_root;
mod offboarding;
mod quotas;
mod recovery;
mod release;
mod replicas;
mod revocation;
mod service;
mod sharing;
mod slice;
mod soak;
mod two_admins;
mod watch;
