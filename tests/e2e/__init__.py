"""Tests with real processes: Home Assistant, speech engines, satellites."""
