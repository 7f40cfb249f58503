"""Datasets out of a corpus: Parquet, WebDataset, image folders, JSON lines, CSV, and the manifest of ids alone.

    rows ──> plan (who is in, why others are not, train or test, which shard) ──> writers ──> output (whole or not)

The same corpus and the same options give the same bytes.
"""
