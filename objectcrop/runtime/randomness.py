"""Random generators that depend on what is drawn, not on when or where."""

import hashlib

import numpy as np


def generator(study_seed: int, stage: str, *keys: int | str) -> np.random.Generator:
    """A generator made of (study seed, stage, keys), for example (seed, "views", run seed, epoch, image id).

    Equal arguments give equal draws on every machine, in any order and with any number of workers, so that a view can be
    drawn again by anyone. The keys are hashed (SHA-256 over their repr) into a Philox counter-based generator's key.
    """
    digest = hashlib.sha256(repr((study_seed, stage, *keys)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
