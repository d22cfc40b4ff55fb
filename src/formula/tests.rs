//! Formulas whose WGSL is known, and what all of them have in common.

use crate::target::Target;

#[test]
fn show() {
    for (dim, text) in [
        (2, "-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2"),
        (10, "-sum(i, 0, dim-2, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"),
        (2, "log(0.3*exp(-x0^2/2) + 0.7*exp(-(x0-m)^2/2)/s) - x1^2"),
        (5, "log(sum(i, w*exp(-(x[i]-1)^2))/dim + exp(-x0)) - logsumexp(i, x[i])"),
        (3, "where(x0 > 0, log(x0) - (x0-c)^2, -1e6*x0^2) + log1p(exp(x1)) + expm1(x2) - (x0-c)^2"),
        (
            4,
            "sum(n in data.y, data.y[n]*log(sigmoid(sum(j, data.X[n,j]*x[j]))) + (1-data.y[n])*log(1-sigmoid(sum(j, data.X[n,j]*x[j]))))",
        ),
        (
            6,
            "sum(i, sum(j, 0, i-3, (x[i]-x[j])^2)) + prod(i, 1, 3, x[i]^i) + sum(i, sum(j, i+1, dim-1, x[i]*x[j]*(x0-c)^-2))",
        ),
    ] {
        let target = Target::from_formula(dim, text).unwrap_or_else(|e| panic!("{e}"));
        eprintln!("{}\n", target.wgsl());
        let linked = crate::wgsl::Linked::new([
            crate::wgsl::Source::new("p", crate::target::prelude(dim)),
            crate::wgsl::Source::new("f", target.wgsl()),
        ]);
        linked.check().unwrap_or_else(|e| panic!("{e}"));
    }
}
