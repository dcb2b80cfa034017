"""Where tokens come from: real text, tasks with a known answer, languages with a known entropy."""

from .corpora import (
    END_OF_FILE,
    UNKNOWN,
    Corpus,
    Source,
    decode,
    encode,
    from_documents,
    python_source,
)
from .known_entropy import KnownEntropy, Markov, ZipfSkills, zipf
from .task import (
    Addition,
    Cipher,
    Composition,
    FalseBelief,
    Induction,
    Memorise,
    ModularArithmetic,
    Task,
    Vocabulary,
    digits_of,
)

__all__ = [
    "END_OF_FILE",
    "UNKNOWN",
    "Addition",
    "Cipher",
    "Composition",
    "Corpus",
    "FalseBelief",
    "Induction",
    "KnownEntropy",
    "Markov",
    "Memorise",
    "ModularArithmetic",
    "Source",
    "Task",
    "Vocabulary",
    "ZipfSkills",
    "decode",
    "digits_of",
    "encode",
    "from_documents",
    "python_source",
    "zipf",
]
