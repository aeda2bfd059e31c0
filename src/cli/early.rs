//! What has to be looked at before the standard library starts.
//!
//! Where a descriptor from 0 to 2 is closed, the standard library opens `/dev/null` in its place before
//! `main` runs. So `callback-gateway export >&-` would write everything to nowhere and exit with 0. By then
//! the case cannot be told from `> /dev/null`, which is a way to ask for just that: several programs open
//! it for their children in the same mode as the standard library does.
//!
//! The look is therefore a constructor, which the loader runs before `main`. The attribute that makes it
//! one is the only unsafe code of this crate. It is sound because the function only makes a system call
//! and stores a flag, neither of which needs the standard library to be running. A crate such as `ctor`
//! expands to the same attribute.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

extern "C" fn look() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    IS_STDOUT_CLOSED.store(is_closed, Ordering::Relaxed);
}

#[allow(unsafe_code, reason = "see the module's head")]
#[used]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;

/// Returns whether standard output was closed when the process started.
pub(super) fn is_stdout_closed() -> bool {
    IS_STDOUT_CLOSED.load(Ordering::Relaxed)
}
