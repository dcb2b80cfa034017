"""The capstone, "The bet": a budget of FLOPs, a ledger, and a forecast of a run far beyond both.

A student trains what they like in a language that nobody has seen, live and for real, until the
budget is spent. Then they commit: which model they would train with thirty to a hundred times the
computation, and which loss it will have, with an interval. The instructor trains it.

`setting` says what is bet on and what may be trained, `ledger` keeps the account, `bet` is what a
student calls, `truth` are the large runs and the seal around them, `scoring` checks a ledger and
scores a commitment. The instructor's commands are in the folder `coursework` of the repository.

What a ledger proves. It is a chain of hashes, so an entry that was changed, left out or put in is
noticed, and so is one that is missing at the end, by whoever holds a later receipt: this machine
remembers one, a commitment carries one, and an instructor notes one at each look. It cannot prove
what its owner did elsewhere. Who trains large runs outside of it, or writes a false chain from the
start, is found only in part: by training a few of its runs again, which tells invented losses
from measured ones, and by asking.
"""

from .bet import Bet, Commitment, OverBudget, start
from .ledger import Entry, LedgerError
from .scoring import Outcome, Standing, checked, outcome, settled, spot_check
from .setting import TIERS, Setting, draw, packed, unpacked
from .truth import Truth, seal, train_truth, unseal

__all__ = [
    "TIERS",
    "Bet",
    "Commitment",
    "Entry",
    "LedgerError",
    "Outcome",
    "OverBudget",
    "Setting",
    "Standing",
    "Truth",
    "checked",
    "draw",
    "outcome",
    "packed",
    "seal",
    "settled",
    "spot_check",
    "start",
    "train_truth",
    "unpacked",
    "unseal",
]
