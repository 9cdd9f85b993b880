"""How good the poems and the models are: ``metrics``, ``judges``, and the ``report`` of both."""
