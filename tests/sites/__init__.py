"""Test servers of our own writing with the structure of the real sites' pages; wired in by Playwright routing."""
