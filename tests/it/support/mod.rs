//! Fixtures of several modules. Most are in `gateway-testkit`, which other executables use too.

pub(crate) mod packets;
pub(crate) mod reseal;
pub(crate) mod rust_text;

pub(crate) use gateway_testkit::*;
