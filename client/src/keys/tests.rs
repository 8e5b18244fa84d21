//! Whoever stores wrapped keys can overwrite them, swap them, and play old ones again.

mod blobs;
mod replays;
