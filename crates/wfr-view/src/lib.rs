#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod axis;
mod camera;
mod canvas;
mod device;
mod failure;
mod glance;
mod look;
mod pace;
mod panel;
mod playback;
mod scene;
mod screenshot;
mod ticks;
mod window;
mod wish;

pub use axis::Axis;
pub use camera::Camera;
pub use failure::Failure;
pub use glance::Glance;
pub use look::{Look, Style};
pub use pace::Pace;
pub use playback::Playback;
pub use scene::{Picture, Scene};
pub use screenshot::Screenshot;
pub use window::{Options, show};
