"""Real speech services, a real satellite and a real Home Assistant on this host."""
