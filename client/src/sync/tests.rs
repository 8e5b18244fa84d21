//! The engine against a model of a node that keeps every rule a real one keeps, and breaks the line when told to.

mod faults;
mod hostile;
mod node;
mod past;
mod story;
mod world;
