//! Hostile input: every reader of outside data takes whatever comes, without a panic, a hang or
//! memory that grows with what a header claims; and a snippet of WGSL has no memory but its own.

#[path = "hostile/entries.rs"]
mod entries;
#[cfg(target_os = "linux")]
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/replay.rs"]
mod replay;
#[path = "hostile/snippets.rs"]
mod snippets;

use entries::ENTRIES;

/// One test for each, so that they run side by side and one says which failed.
macro_rules! replayed {
    ($($name:ident),+) => {
        $(
            #[test]
            fn $name() {
                replay::replay(stringify!($name), entries::$name);
            }
        )+

        #[test]
        fn every_entry_is_replayed() {
            let replayed = [$(stringify!($name)),+];
            assert_eq!(ENTRIES.map(|(name, _)| name).to_vec(), replayed);
        }
    };
}

replayed!(formula, wgsl, differentiate, npy, npz, csv, network, tables, checkpoint);
