"""Who decides: `vlm` (a model asks itself the paper's question), `similarity` (no key needed), and the controls an
audit needs: `always`, `never`, `random`. One file each, one protocol (`agent.deciders.base`)."""

DECIDERS = ("vlm", "similarity", "always", "never", "random")
