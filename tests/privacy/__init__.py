"""Tests of the guards of Home Assistant's own places."""
