"""TikTok's adapter, unchanged, on TikTok's own addresses served by a test server: search, feed, walls, likes."""
