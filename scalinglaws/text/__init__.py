"""Where tokens come from: real text, tasks with a known answer, languages with a known entropy."""

from .arithmetic import Addition, ModularArithmetic, ShortSums
from .cipher import Cipher
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
from .dirt import foreign, misprinted
from .false_belief import FalseBelief
from .few_shot import FewShot
from .invented import Invented
from .known_entropy import KnownEntropy, zipf
from .markov import Markov
from .permutations import Composition
from .programs import Programs
from .recall import Induction, Memorise
from .running_product import RunningProduct
from .task import Task, Vocabulary, digits_of
from .translation import Translation
from .zipf_skills import ZipfSkills

__all__ = [
    "END_OF_FILE",
    "UNKNOWN",
    "Addition",
    "Cipher",
    "Composition",
    "Corpus",
    "FalseBelief",
    "FewShot",
    "Induction",
    "Invented",
    "KnownEntropy",
    "Markov",
    "Memorise",
    "ModularArithmetic",
    "Programs",
    "RunningProduct",
    "ShortSums",
    "Source",
    "Task",
    "Translation",
    "Vocabulary",
    "ZipfSkills",
    "decode",
    "digits_of",
    "encode",
    "foreign",
    "from_documents",
    "misprinted",
    "python_source",
    "zipf",
]
