//! The kernel object: licence and panic handler; the programs come from the
//! library. On the host this binary does nothing.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]

#[cfg(target_arch = "bpf")]
mod object {
    #![expect(
        unsafe_code,
        reason = "the kernel finds the licence by its section's name"
    )]

    use sensor_ebpf as _;

    /// The helpers that read kernel memory are for GPL-compatible programs only.
    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

    /// The verifier admits no panic, so nothing that could is left in the
    /// object and this is never reached.
    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
