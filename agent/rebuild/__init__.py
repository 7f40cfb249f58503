"""Whole datasets: from a plan to its target size, from a published list of ids, or one's own looked at again."""
