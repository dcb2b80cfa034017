"""Text made dirty on purpose: what a learner reads is spoilt, what it is measured on is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import _checks as checks
from .corpora import END_OF_FILE, Corpus


def misprinted(corpus: Corpus, share: float, seed: int = 0) -> Corpus:
    """The corpus with this share of its training characters replaced by others of the text.

    What stands in for a character is drawn from the text itself, so frequent characters are
    frequent among the misprints too, and now and then a character replaces itself. Ends of files
    stay. The validation part stays as it is. `seed` fixes what is replaced. Raises ValueError
    unless the share lies between 0 and 1, and for a corpus of examples or with targets.

    >>> from scalinglaws import from_documents
    >>> from scalinglaws.text import decode
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> dirty = misprinted(notes, share=0.1)
    >>> print(decode(notes.train[:16]), decode(dirty.train[:16]), sep=chr(10))
    This is note 23.
    shis is note 2o.
    >>> bool((notes.val == dirty.val).all())
    True
    """
    share = _share(corpus, share)
    rng = np.random.default_rng([seed, 2])
    train = corpus.train.copy()
    places = np.flatnonzero((rng.random(train.size) < share) & (train != END_OF_FILE))
    text = train[train != END_OF_FILE]
    train[places] = text[rng.integers(text.size, size=places.size)]
    return replace(corpus, name=f"{corpus.name}, {share:.0%} misprints", train=train)


def foreign(corpus: Corpus, share: float, seed: int = 0) -> Corpus:
    """The corpus with this share of its training documents in a foreign language.

    The language is the same text in a cipher: each printable character and the line break stand
    for another, the same one throughout. So it is as rich as the clean text and as hard to learn,
    and says nothing about it. Documents are drawn by `seed`, each with the chance `share`. The
    validation part stays as it is. Raises ValueError as `misprinted` does.

    >>> from scalinglaws import from_documents
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> mixed = foreign(notes, share=0.5)
    >>> same = (mixed.train == notes.train).mean()
    >>> bool(0.4 < same < 0.6), bool((notes.val == mixed.val).all())
    (True, True)
    """
    share = _share(corpus, share)
    rng = np.random.default_rng([seed, 3])
    alphabet = np.array([ord("\n"), *range(32, 127)], dtype=np.uint8)
    cipher = np.arange(256, dtype=np.uint8)
    cipher[alphabet] = rng.permutation(alphabet)
    number = np.cumsum(corpus.train == END_OF_FILE) - (corpus.train == END_OF_FILE)
    chosen = rng.random(int(number[-1]) + 1) < share
    train = np.where(chosen[number], cipher[corpus.train], corpus.train)
    return replace(corpus, name=f"{corpus.name}, {share:.0%} foreign", train=train)


def _share(corpus: Corpus, share: float) -> float:
    if corpus.example_length is not None or corpus.train_targets is not None:
        raise ValueError(f"{corpus.name} is no running text, so it cannot be made dirty")
    if corpus.vocab_size != 128:
        raise ValueError(f"{corpus.name} has {corpus.vocab_size} tokens, which are no characters")
    share = checks.real(share, "share")
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    return share
