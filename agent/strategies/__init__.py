"""How a model is asked whether it watches on: `plain` (no persona), `simple` and `isq` (as one; paper, section 4).

One file each, one protocol (`agent.strategies.base`); `agent.deciders.vlm` asks and acts on what they conclude.
"""
