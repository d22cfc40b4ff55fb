"""Makes X.csv and y.csv from anes96.csv as it comes with statsmodels (see README.md).

    python3 prepare.py path/to/statsmodels/datasets/anes96/anes96.csv
"""

import csv
import sys

import numpy as np

PREDICTORS = ["selfLR", "PID", "age", "educ", "income"]

with open(sys.argv[1], newline="") as file:
    header, *rows = csv.reader(file, delimiter="\t")
header = [name.strip("'") for name in header]
table = np.array(rows, dtype=float)

x = table[:, [header.index(name) for name in PREDICTORS]]
x = (x - x.mean(axis=0)) / x.std(axis=0)
y = table[:, [header.index("vote")]]

np.savetxt("X.csv", x, fmt="%.4f", delimiter=",", header=",".join(PREDICTORS), comments="")
np.savetxt("y.csv", y, fmt="%d", delimiter=",", header="vote", comments="")
