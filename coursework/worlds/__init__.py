"""The worlds behind the problem sets: one file each, with a function `make`.

`make(rng)` draws the data of one student, and works out from them and from the law that made them
what the tests compare with. Data in which a classic mistake would be taken for the right answer are
drawn again. Numbers are rounded, so that a machine that computes the last digit differently makes
the same data.
"""
