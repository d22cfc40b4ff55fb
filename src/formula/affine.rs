//! Index expressions: whole numbers, the variables of sums, and the shapes of data.

use std::collections::BTreeMap;

/// What an index depends on beside numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Symbol {
    /// The variable of the enclosing sum at this depth of nesting, the outermost at 0.
    Bound(usize),
    /// The number of rows of a data array.
    Rows(usize),
    /// The number of columns of a data array.
    Columns(usize),
}

/// A sum of symbols, each times a whole number, and a whole number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Affine {
    pub(crate) constant: i64,
    /// Without zeros.
    pub(crate) terms: BTreeMap<Symbol, i64>,
}

/// Beyond this an index is a mistake, and arithmetic stays far from overflow.
pub(crate) const LARGEST: i64 = 1 << 30;

impl Affine {
    pub(crate) fn number(constant: i64) -> Affine {
        Affine { constant, terms: BTreeMap::new() }
    }

    pub(crate) fn symbol(symbol: Symbol) -> Affine {
        Affine { constant: 0, terms: BTreeMap::from([(symbol, 1)]) }
    }

    /// The number, if it depends on nothing.
    pub(crate) fn constant(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }

    pub(crate) fn times(mut self, factor: i64) -> Affine {
        self.constant = self.constant.saturating_mul(factor);
        self.terms.values_mut().for_each(|value| *value = value.saturating_mul(factor));
        self.terms.retain(|_, value| *value != 0);
        self
    }

    pub(crate) fn plus(mut self, other: &Affine) -> Affine {
        self.constant = self.constant.saturating_add(other.constant);
        for (symbol, value) in &other.terms {
            let sum = self.terms.entry(*symbol).or_default();
            *sum = sum.saturating_add(*value);
        }
        self.terms.retain(|_, value| *value != 0);
        self
    }

    pub(crate) fn minus(self, other: &Affine) -> Affine {
        self.plus(&other.clone().times(-1))
    }

    /// Whether every number in it is of a size that an index can have.
    pub(crate) fn is_moderate(&self) -> bool {
        let is_moderate = |value: &i64| value.unsigned_abs() <= LARGEST.unsigned_abs();
        self.terms.values().chain([&self.constant]).all(is_moderate)
    }

    /// The value, given that of each symbol.
    pub(crate) fn value(&self, of: impl Fn(Symbol) -> i64) -> i64 {
        self.terms.iter().fold(self.constant, |sum, (symbol, factor)| {
            sum.saturating_add(factor.saturating_mul(of(*symbol)))
        })
    }

    /// The least or the largest value over the ranges of all variables, in terms of the data alone.
    ///
    /// `ranges` are those of the enclosing sums, the outermost first; each depends on those before
    /// it. Inside out each variable is replaced by the end of its range that its factor asks for,
    /// which is exact where no range is empty.
    pub(crate) fn extreme(&self, largest: bool, ranges: &[(Affine, Affine)]) -> Affine {
        let mut extreme = self.clone();
        for (depth, (low, high)) in ranges.iter().enumerate().rev() {
            if let Some(factor) = extreme.terms.remove(&Symbol::Bound(depth)) {
                let end = if (factor > 0) == largest { high } else { low };
                extreme = extreme.plus(&end.clone().times(factor));
            }
        }
        extreme
    }

    /// Whether it is 0 or more whatever the data, which have one row and one column at least.
    pub(crate) fn is_never_negative(&self) -> bool {
        self.terms.values().all(|factor| *factor > 0) && self.value(|_| 1) >= 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(depth: usize) -> Affine {
        Affine::symbol(Symbol::Bound(depth))
    }

    #[test]
    fn a_dependent_range_is_followed_to_its_ends() {
        // i in 0..9, j in i + 1..9: j − i − 1 is between 0 and 9 − 0 − 1.
        let nine = Affine::number(9);
        let ranges =
            [(Affine::number(0), nine.clone()), (bound(0).plus(&Affine::number(1)), nine.clone())];
        let index = bound(1).minus(&bound(0)).minus(&Affine::number(1));
        assert_eq!(index.extreme(false, &ranges).constant(), Some(0));
        assert_eq!(index.extreme(true, &ranges).constant(), Some(8));
    }

    /// The least of all numbers has no magnitude among them.
    #[test]
    fn the_least_number_is_not_moderate() {
        assert!(!Affine::number(i64::MIN).is_moderate());
        assert!(!bound(0).times(i64::MIN).is_moderate());
        assert!(Affine::number(-LARGEST).is_moderate());
    }

    #[test]
    fn terms_that_cancel_go_away() {
        let index = bound(0).times(2).minus(&bound(0)).minus(&bound(0)).plus(&Affine::number(3));
        assert_eq!(index.constant(), Some(3));
    }

    #[test]
    fn data_have_a_row() {
        let rows = Affine::symbol(Symbol::Rows(0));
        assert!(rows.clone().minus(&Affine::number(1)).is_never_negative());
        assert!(!rows.clone().minus(&Affine::number(2)).is_never_negative());
        assert!(!rows.times(-1).plus(&Affine::number(5)).is_never_negative());
    }
}
