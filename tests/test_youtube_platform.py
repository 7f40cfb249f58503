"""YouTube's adapter, unchanged, on YouTube's own addresses served by a test server: search, feed, walls, likes."""
