//! The ways into the kernel, and memory all of them can point to.
//!
//! A call and its six arguments come in; what the kernel returned leaves: not
//! negative, or a negated errno, whichever way was taken.
#![expect(unsafe_code, reason = "the calls are made as no library makes them")]

use std::ffi::CString;

/// Bit of a call's number that asks for the x32 interface.
const X32_BIT: i64 = 0x4000_0000;

/// The 32-bit call all those on sockets can be made by.
const SOCKETCALL: i64 = 102;

/// Memory that 32-bit code can point to.
pub(crate) struct Arena {
    next: usize,
    end: usize,
}

impl Arena {
    pub(crate) fn new() -> Self {
        const SIZE: usize = 1 << 18;
        let (protection, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
        );
        // SAFETY: a new mapping wherever the kernel likes.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, protection, flags, -1, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        Self {
            next: at as usize,
            end: at as usize + SIZE,
        }
    }

    /// Copies bytes to an address of their own.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> i64 {
        let at = self.next;
        assert!(at + bytes.len() < self.end);
        // SAFETY: within the mapping, and nobody else's.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len()) };
        self.next += bytes.len().next_multiple_of(8).max(8);
        i64::try_from(at).unwrap()
    }

    /// Copies a text and its NUL.
    pub(crate) fn text(&mut self, text: &str) -> i64 {
        self.put(CString::new(text).unwrap().as_bytes_with_nul())
    }
}

/// The lower half of a register.
pub(crate) fn low(register: i64) -> u32 {
    u32::try_from(register & 0xffff_ffff).unwrap()
}

/// A call through the 32-bit entry.
pub(crate) fn int_80(number: i64, args: [u32; 6]) -> i64 {
    let result: u64;
    // SAFETY: the registers the kernel and this code change are named or restored.
    unsafe {
        core::arch::asm!(
            "push rbx", "push rbp",
            "mov ebx, [r12]", "mov ecx, [r12 + 4]", "mov edx, [r12 + 8]",
            "mov esi, [r12 + 12]", "mov edi, [r12 + 16]", "mov ebp, [r12 + 20]",
            "int 0x80",
            "pop rbp", "pop rbx",
            inout("rax") number => result, in("r12") &raw const args,
            out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    i64::from(low(result.cast_signed()).cast_signed())
}

/// A call on a socket as 32-bit programs of old make it: which one it is, and
/// where its arguments are.
pub(crate) fn socketcall(arena: &mut Arena, which: u32, args: [i64; 6]) -> i64 {
    let args = args.map(low).map(u32::to_ne_bytes).concat();
    let at = low(arena.put(&args));
    int_80(SOCKETCALL, [which, at, 0, 0, 0, 0])
}

/// A 64-bit call, by `syscall(2)`.
pub(crate) fn call_64(number: i64, args: [i64; 6]) -> i64 {
    let [first, second, third, fourth, fifth, sixth] = args;
    // SAFETY: the tables' calls touch only what the test owns.
    of_library(unsafe { libc::syscall(number, first, second, third, fourth, fifth, sixth) })
}

/// A call of the x32 interface.
pub(crate) fn call_x32(number: i64, args: [i64; 6]) -> i64 {
    call_64(number | X32_BIT, args)
}

/// A call by the C library's function of that name.
pub(crate) fn call_libc(function: &str, args: [i64; 6]) -> i64 {
    type Function = unsafe extern "C" fn(i64, i64, i64, i64, i64, i64) -> i64;
    let name = CString::new(function).unwrap();
    // SAFETY: a name that ends; the default scope is that of this program.
    let at = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    assert!(!at.is_null(), "the C library has no {function}");
    // SAFETY: integers and pointers only, which it takes from the registers it wants.
    let function = unsafe { std::mem::transmute::<*mut libc::c_void, Function>(at) };
    let [first, second, third, fourth, fifth, sixth] = args;
    // SAFETY: as for `call_64`.
    let result = unsafe { function(first, second, third, fourth, fifth, sixth) };
    // An int leaves the upper half of the register undefined.
    let failed = low(result) == u32::MAX;
    of_library(if failed { -1 } else { result })
}

/// A result as the kernel gave it, from the one the C library gives and `errno`.
fn of_library(result: i64) -> i64 {
    match result {
        -1 => -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap()),
        result => result,
    }
}
