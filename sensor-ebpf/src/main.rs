//! On the host this binary does nothing; for the bpf target it is the kernel object.
fn main() {}
