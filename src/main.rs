//! The `portwho` program.

fn main() {}
