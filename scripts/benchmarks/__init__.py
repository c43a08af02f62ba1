"""What the integration costs and how fast it is, measured on this host.

A subject is a module here with ``ROUNDS`` (how often it measures unless told),
``measure(rounds, say)``, which returns what --json prints, and ``rows(result)`` and
``verdict(result)``, which return what people see: a table and one sentence. The first line
of its docstring says what it measures.
"""
