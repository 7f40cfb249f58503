"""`make bench`: ratios against named alternatives in the same run. Never part of the test suite."""
