//! `portwho`: who holds a port, which sockets are stuck, and end it and prove that it ended.
