//! Check of standard output that must run before the standard library starts.
//!
//! If a descriptor from 0 to 2 is closed, the standard library opens `/dev/null` for it before
//! `main` runs. So `callback-gateway export >&-` would discard its output and exit with 0. In
//! `main` this looks the same as `> /dev/null`, which discards output on purpose: several programs open
//! `/dev/null` for their children in the same mode as the standard library.
//!
//! A descriptor that is open for reading only is found too: the standard library ignores errors of writing to it.
//!
//! The check is therefore a constructor, which the loader runs before `main`. The attribute that registers it
//! is the only unsafe code of this crate. It is sound because the function only makes a system call
//! and stores a flag, neither of which needs the standard library to be running. A crate such as `ctor`
//! expands to the same attribute.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::OFlags;

static IS_STDOUT_WRITABLE: AtomicBool = AtomicBool::new(true);

extern "C" fn look() {
    let mode = rustix::fs::fcntl_getfl(rustix::stdio::stdout());
    let is_writable = mode.is_ok_and(|mode| (mode & OFlags::RWMODE) != OFlags::RDONLY);
    IS_STDOUT_WRITABLE.store(is_writable, Ordering::Relaxed);
}

#[allow(unsafe_code, reason = "see the module's head")]
#[used]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;

/// Returns whether standard output was open for writing when the process started.
pub(super) fn is_stdout_writable() -> bool {
    IS_STDOUT_WRITABLE.load(Ordering::Relaxed)
}
