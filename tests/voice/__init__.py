"""Tests of one command, without Home Assistant."""
