// Where a device has no room to bind the counts of moves.

fn count_moves(slot: u32, pending: ptr<function, Pending>) {}
