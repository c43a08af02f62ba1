"""Tests of Private Voice."""
