"""Bytes and sockets: the Wyoming protocol, spoken with peers that nobody trusts."""
