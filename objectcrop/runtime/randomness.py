"""Random generators that depend on what is drawn, not on when or where."""

import hashlib
from dataclasses import dataclass

import numpy as np


def generator(study_seed: int, stage: str, *keys: int | str) -> np.random.Generator:
    """Return a generator made of (study seed, stage, keys), for example (seed, "views", run seed, epoch, image id).

    Equal arguments give equal draws on every machine, in any order and with any number of workers, so that a view can be
    drawn again by anyone. The keys are hashed (SHA-256 over their repr) into a Philox counter-based generator's key.
    """
    digest = hashlib.sha256(repr((study_seed, stage, *keys)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


@dataclass(frozen=True)
class Seeds:
    """What all randomness of a run depends on.

    Attributes:
        study: seed of the study.
        run: of the run.
    """

    study: int
    run: int

    def generator(self, stage: str, *keys: int | str) -> np.random.Generator:
        """Return a generator made of (study seed, stage, run seed, keys)."""
        return generator(self.study, stage, self.run, *keys)

    def torch_seed(self, stage: str, *keys: int | str) -> int:
        """Return a seed for torch's generators, the first of `torch_seeds`."""
        return self.torch_seeds(stage, *keys, count=1)[0]

    def torch_seeds(self, stage: str, *keys: int | str, count: int) -> list[int]:
        """Return seeds for torch's generators, 0 .. 2**62 - 1, drawn from `generator`."""
        seeds: list[int] = self.generator(stage, *keys).integers(2**62, size=count).tolist()
        return seeds
