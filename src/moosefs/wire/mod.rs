//! The admin protocol of a MooseFS master: frames, questions, answers. PURE: bytes in, values out. What comes from the
//! network is trusted in nothing: no byte string panics this code or makes it allocate more than the bytes it was given.

pub mod decode;
pub mod encode;
mod error;
pub mod frame;
mod read;
pub mod request;
mod types;

pub use error::WireError;
pub use frame::Frame;
pub use types::*;

#[cfg(test)]
mod tests;
