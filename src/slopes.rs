//! Whether the slopes at both ends of a way tell how a function changes along it.

/// How far the change is from what the slopes tell, and how far it may be for the slopes alone. Between
/// them, each times the way, lies the change of every function whose slope changes one way, kinks
/// included.
pub(crate) fn gap_and_room(change: f64, [here, far]: [f64; 2]) -> (f64, f64) {
    ((change - 0.5 * (here + far)).abs(), 0.5 * (here - far).abs())
}

#[cfg(test)]
mod tests {
    use super::gap_and_room;

    #[test]
    fn kinks_are_told_and_jumps_are_not() {
        let told = |change, slopes| {
            let (gap, room) = gap_and_room(change, slopes);
            gap <= room
        };
        // A parabola, a kink a quarter of the way along, and a jump.
        assert!(told(-0.5, [0.0, -1.0]) && told(0.25 - 0.75 * 3.0, [1.0, -3.0]));
        assert!(!told(0.3, [0.0, 0.0]));
    }
}
