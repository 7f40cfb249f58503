"""Whether intervals of experiments hold the true effects: 400 simulated ones, true effects from 1,000 arms each."""

import time

from agent.experiment.proof import LEAST, LEAST_TWINS, MOST, MOST_TWINS, proof_table, prove
from agent.sandbox.world import World
from retrieval.vocabulary import load_vocabulary

EXPERIMENTS = 400
ARMS = 1000
NEAR = 0.015
"""How far from nought the true effect of a feed that does not learn may come out, with so many arms."""


def main() -> bool:
    """Print every effect; True if all intervals cover, nothing seems to be where nothing is, and twins are alike."""
    began = time.monotonic()
    words = {value.id: [keyword.word for keyword in value.all_keywords] for value in load_vocabulary().values}
    proof = prove(World(1, words), EXPERIMENTS, ARMS)
    print(proof_table(proof))
    print(f"{EXPERIMENTS} experiments and {ARMS} arms a condition in {time.monotonic() - began:.0f} s")
    checks = {
        f"coverage {LEAST:.0%} to {MOST:.0%}": all(LEAST <= one.coverage <= MOST for one in proof.effects),
        "nothing where nothing is": all(abs(effect) <= NEAR for effect in proof.null.values()),
        f"twins differ in {LEAST_TWINS:.0%} to {MOST_TWINS:.0%}": LEAST_TWINS <= proof.twins <= MOST_TWINS,
    }
    for what, holds in checks.items():
        print(f"  {'ok' if holds else 'NOT'}: {what}")
    return all(checks.values())
