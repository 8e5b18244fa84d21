//! Real processes under test: a node and its clients, on loopback, each in folders of its own.
//!
//! From the smallest part up: where the programs are, how one runs and ends, what a node and a client's home are, and last
//! a whole agency. Every wait has a limit, every port is given by the system, and every process is ended by its own
//! identifier, at the latest when the value that owns it is dropped.

pub mod demands;
pub mod program;
pub mod wait;

pub mod process;

pub mod clock;

pub mod folder;
pub mod http;
pub mod mount;
pub mod random;

pub mod axe;
pub mod browser;

pub mod home;
pub mod node;

pub mod network;
pub mod wiretap;

pub mod agency;

pub mod seized;

pub mod ledger;
pub mod script;
pub mod terminal;
