"""The plans that come with the project; `python -m agent.rebuild NAME` finds them."""
