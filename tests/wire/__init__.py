"""Tests of the protocol and of audio."""
