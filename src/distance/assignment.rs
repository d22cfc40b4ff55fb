//! The linear assignment problem, exactly.

/// The cheapest way to give each of `n` rows a column of its own: the column of every row.
///
/// `fill(i, costs)` writes the finite costs (n,) of row i; it is called again and again, so that the
/// costs need not be kept: memory is O(n). Time is O(n³) at worst, and much less where rows have
/// near columns of their own.
///
/// Rows are first assigned greedily, each taking its best column for the price that its second best
/// is worth to it, and pushing out who was there; what is left is assigned one by one along shortest
/// alternating paths.
///
/// Source: R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse
/// linear assignment problems", Computing 38 (1987) 325, without its transfer of reductions.
pub(super) fn assignment(n: usize, fill: impl FnMut(usize, &mut [f64])) -> Vec<usize> {
    let mut problem = Problem {
        fill,
        costs: vec![0.0; n],
        price: vec![0.0; n],
        row_of: vec![NONE; n],
        column_of: vec![NONE; n],
    };
    problem.reduce_columns();
    // Two passes leave few rows; a third rarely pays.
    for _ in 0..2 {
        problem.reduce_rows();
    }
    let mut search = Search::new(n);
    for row in 0..n {
        if problem.column_of[row] == NONE {
            problem.augment(row, &mut search);
        }
    }
    problem.column_of
}

const NONE: usize = usize::MAX;

/// Invariant: wherever row i has column j, cost(i, j) − price[j] is the least over all columns.
struct Problem<F> {
    fill: F,
    /// The costs of the row at hand.
    costs: Vec<f64>,
    /// The dual of each column.
    price: Vec<f64>,
    row_of: Vec<usize>,
    column_of: Vec<usize>,
}

impl<F: FnMut(usize, &mut [f64])> Problem<F> {
    /// Prices every column at its cheapest row, which takes it if it is still free.
    fn reduce_columns(&mut self) {
        let n = self.price.len();
        let mut cheapest = vec![0; n];
        self.price.fill(f64::INFINITY);
        for row in 0..n {
            (self.fill)(row, &mut self.costs);
            for (column, cost) in self.costs.iter().enumerate() {
                if *cost < self.price[column] {
                    (self.price[column], cheapest[column]) = (*cost, row);
                }
            }
        }
        for (column, row) in cheapest.into_iter().enumerate() {
            if self.column_of[row] == NONE {
                self.assign(row, column);
            }
        }
    }

    fn assign(&mut self, row: usize, column: usize) {
        self.row_of[column] = row;
        self.column_of[row] = column;
    }

    /// Every free row bids for its best column; a row that is pushed out bids at once if the price
    /// has moved, and waits for the next pass if it has not.
    fn reduce_rows(&mut self) {
        let n = self.price.len();
        if n < 2 {
            return;
        }
        // An auction between near equals moves by tiny steps: the paths finish what it leaves.
        let mut bids = 4 * n;
        for free in 0..n {
            let mut row = free;
            while self.column_of[row] == NONE && bids > 0 {
                bids -= 1;
                let [(best, least), (other, second)] = self.two_best(row);
                let before = self.price[best];
                self.price[best] -= second - least;
                let has_moved = self.price[best] < before;
                let column = if !has_moved && self.row_of[best] != NONE { other } else { best };
                let out = self.row_of[column];
                self.assign(row, column);
                if out == NONE {
                    break;
                }
                self.column_of[out] = NONE;
                if !has_moved {
                    break;
                }
                row = out;
            }
        }
    }

    /// The two columns of least reduced cost for a row, and those costs.
    fn two_best(&mut self, row: usize) -> [(usize, f64); 2] {
        (self.fill)(row, &mut self.costs);
        let (mut best, mut other) = ((NONE, f64::INFINITY), (NONE, f64::INFINITY));
        for (column, (cost, price)) in self.costs.iter().zip(&self.price).enumerate() {
            let reduced = cost - price;
            if reduced < other.1 {
                other = (column, reduced);
                if reduced < best.1 {
                    std::mem::swap(&mut best, &mut other);
                }
            }
        }
        [best, other]
    }

    /// Assigns a free row along the shortest alternating path to a free column, by Dijkstra's
    /// algorithm on reduced costs.
    fn augment(&mut self, free: usize, search: &mut Search) {
        search.start(&self.price);
        let (mut row, mut least) = (free, 0.0);
        let end = loop {
            (self.fill)(row, &mut self.costs);
            let own = self.column_of[row];
            let base = if own == NONE { 0.0 } else { self.costs[own] - self.price[own] };
            search.reach(row, &self.costs, least - base);
            let reached = search.settle();
            least = reached.1;
            match self.row_of[reached.0] {
                NONE => break reached.0,
                next => row = next,
            }
        };
        for &(column, distance) in &search.settled {
            self.price[column] += distance - least;
        }
        let mut column = end;
        loop {
            let row = search.from[column];
            self.row_of[column] = row;
            std::mem::swap(&mut self.column_of[row], &mut column);
            if row == free {
                break;
            }
        }
    }
}

/// The state of one search for a shortest path. Settled columns have distance ∞ and price −∞, so
/// that loops over all columns pass them by without a branch.
struct Search {
    distance: Vec<f64>,
    price: Vec<f64>,
    /// The row from which a column is reached.
    from: Vec<usize>,
    /// The columns settled and how far they are.
    settled: Vec<(usize, f64)>,
    /// The least distance of a column that is not settled.
    least: f64,
}

impl Search {
    fn new(n: usize) -> Search {
        let (distance, price) = (vec![0.0; n], vec![0.0; n]);
        Search { distance, price, from: vec![NONE; n], settled: Vec::new(), least: 0.0 }
    }

    fn start(&mut self, price: &[f64]) {
        self.distance.fill(f64::INFINITY);
        self.price.copy_from_slice(price);
        self.settled.clear();
    }

    /// Lowers the distances of the columns by the way through `row`: its reduced costs and `base`.
    fn reach(&mut self, row: usize, costs: &[f64], base: f64) {
        let columns =
            self.distance.iter_mut().zip(&mut self.from).zip(costs.iter().zip(&self.price));
        let mut least = f64::INFINITY;
        for ((distance, from), (cost, price)) in columns {
            let through = cost - price + base;
            let is_shorter = through < *distance;
            *distance = if is_shorter { through } else { *distance };
            *from = if is_shorter { row } else { *from };
            least = if *distance < least { *distance } else { least };
        }
        self.least = least;
    }

    /// Settles the nearest column: its number and its distance.
    fn settle(&mut self) -> (usize, f64) {
        let is_nearest = |distance: &f64| *distance == self.least;
        let column = self.distance.iter().position(is_nearest).expect("a column is open");
        self.distance[column] = f64::INFINITY;
        self.price[column] = f64::NEG_INFINITY;
        self.settled.push((column, self.least));
        (column, self.least)
    }
}
