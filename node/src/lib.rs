//! A Vauban storage node: orders and keeps sealed bytes.
//!
//! In the order in which a node comes to be and data meets it: what an operator decides, who the node is, the edge where
//! clients arrive, its peers, the stores behind it, and what operators see. [`boot`] joins them; [`leaving`] is for when the
//! node was taken out, [`recovery`] for when they are lost.

pub mod limit;

pub mod cli;
pub mod config;
pub mod message;

pub mod clock;
pub mod data_folder;
pub mod durable_file;
pub mod enrolment;
pub mod identity;

pub mod edge;
pub mod peers;

pub mod chunks;
pub mod metadata;
pub mod placement;
pub mod replication;

pub mod jobs;
pub mod reserve;

pub mod observe;
pub mod web;

pub mod boot;
pub mod leaving;
pub mod recovery;
